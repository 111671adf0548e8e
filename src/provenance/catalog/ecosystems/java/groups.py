"""Groups of well-known artifacts whose jars do not name theirs.

Maven builds leave `pom.properties` in a jar; Gradle, Ant and sbt leave nothing. For the projects of
these that nearly every image with Java has, the group is known: a jar is taken for one of them if
both its artifact's name and the packages of its classes say so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["former_group", "known_bundle", "known_group"]

# The oldest artifacts of Apache Commons and their kin: the group is the artifact.
_SAME = frozenset(
    {
        *("antlr", "aopalliance", "avalon-framework", "backport-util-concurrent", "cglib"),
        *(
            "commons-beanutils",
            "commons-chain",
            "commons-cli",
            "commons-codec",
            "commons-collections",
        ),
        *("commons-configuration", "commons-daemon", "commons-dbcp", "commons-dbutils"),
        *("commons-digester", "commons-discovery", "commons-el", "commons-fileupload"),
        *(
            "commons-httpclient",
            "commons-io",
            "commons-jelly",
            "commons-jexl",
            "commons-jxpath",
            "commons-lang",
        ),
        *("commons-launcher", "commons-logging", "commons-math", "commons-net", "commons-pool"),
        *(
            "commons-primitives",
            "commons-validator",
            "hsqldb",
            "jaxen",
            "jdom",
            "jline",
            "joda-time",
        ),
        *("junit", "log4j", "ognl", "oro", "regexp", "stax", "xalan", "xerces", "xmlunit"),
        *(
            "xpp3",
            "xom",
            "xml-resolver",
            "xml-apis",
            "bsh",
            "isorelax",
            "jakarta-regexp",
            "logkit",
            "msv",
        ),
    }
)

# Artifact (`*` at the end: and all that begin so), a package in it, the group.
_KNOWN: tuple[tuple[str, str, str], ...] = (
    ("activation", "javax.activation", "javax.activation"),
    ("adapter-*", "retrofit2.adapter", "com.squareup.retrofit2"),
    ("ant", "org.apache.tools", "org.apache.ant"),
    ("ant-*", "org.apache.tools", "org.apache.ant"),
    ("akka-*", "akka", "com.typesafe.akka"),
    ("annotations", "org.jetbrains.annotations", "org.jetbrains"),
    ("asm", "org.objectweb.asm", "org.ow2.asm"),
    ("asm-*", "org.objectweb.asm", "org.ow2.asm"),
    ("aspectj*", "org.aspectj", "org.aspectj"),
    ("aws-java-sdk-*", "com.amazonaws", "com.amazonaws"),
    ("axis", "org.apache.axis", "axis"),
    ("bcel", "org.apache.bcel", "org.apache.bcel"),
    ("bcjmail-*", "org.bouncycastle", "org.bouncycastle"),
    ("bcmail-*", "org.bouncycastle", "org.bouncycastle"),
    ("bcmail", "org.bouncycastle", "org.bouncycastle"),
    ("bcpg*", "org.bouncycastle", "org.bouncycastle"),
    ("bcpkix*", "org.bouncycastle", "org.bouncycastle"),
    ("bcprov*", "org.bouncycastle", "org.bouncycastle"),
    ("bctls*", "org.bouncycastle", "org.bouncycastle"),
    ("bcutil*", "org.bouncycastle", "org.bouncycastle"),
    ("checker-qual*", "org.checkerframework", "org.checkerframework"),
    ("caffeine", "com.github.benmanes.caffeine", "com.github.ben-manes.caffeine"),
    ("cats-*", "cats", "org.typelevel"),
    ("cglib-nodep", "net.sf.cglib", "cglib"),
    ("commons-logging-*", "org.apache.commons.logging", "commons-logging"),
    ("converter-*", "retrofit2.converter", "com.squareup.retrofit2"),
    ("config", "com.typesafe.config", "com.typesafe"),
    ("ecj", "org.eclipse.jdt", "org.eclipse.jdt"),
    ("elasticsearch-*", "org.elasticsearch", "org.elasticsearch"),
    ("elasticsearch", "org.elasticsearch", "org.elasticsearch"),
    ("graal-sdk", "org.graalvm", "org.graalvm.sdk"),
    ("graphql-java", "graphql", "com.graphql-java"),
    ("groovy", "org.codehaus.groovy", "org.apache.groovy"),
    ("groovy-*", "groovy", "org.apache.groovy"),
    ("groovy-*", "org.apache.groovy", "org.apache.groovy"),
    ("groovy-*", "org.codehaus.groovy", "org.apache.groovy"),
    ("grpc-*", "io.grpc", "io.grpc"),
    ("gson", "com.google.gson", "com.google.code.gson"),
    ("guava", "com.google.common", "com.google.guava"),
    ("guice", "com.google.inject", "com.google.inject"),
    ("guice-no-aop", "com.google.inject", "com.google.inject"),
    ("guice-*", "com.google.inject", "com.google.inject.extensions"),
    ("h2", "org.h2", "com.h2database"),
    ("jackson-coreutils*", "com.github.fge", "com.github.java-json-tools"),
    ("json-patch", "com.github.fge", "com.github.java-json-tools"),
    ("json-schema-*", "com.github.fge", "com.github.java-json-tools"),
    ("hamcrest*", "org.hamcrest", "org.hamcrest"),
    ("hibernate-commons-annotations", "org.hibernate", "org.hibernate.common"),
    ("hibernate-validator*", "org.hibernate.validator", "org.hibernate.validator"),
    ("icu4j*", "com.ibm.icu", "com.ibm.icu"),
    ("ivy", "org.apache.ivy", "org.apache.ivy"),
    ("jaxb-impl", "com.sun.xml.bind", "com.sun.xml.bind"),
    ("javax.inject", "javax.inject", "javax.inject"),
    ("java-dataloader", "org.dataloader", "com.graphql-java"),
    ("javafx-*", "javafx", "org.openjfx"),
    ("jdom2", "org.jdom2", "org.jdom"),
    ("jffi", "com.kenai.jffi", "com.github.jnr"),
    ("jnr-*", "jnr", "com.github.jnr"),
    ("closure-compiler*", "com.google.javascript", "com.google.javascript"),
    ("gpars", "groovyx.gpars", "org.codehaus.gpars"),
    ("proto-google-*", "com.google", "com.google.api.grpc"),
    ("grpc-google-*", "com.google", "com.google.api.grpc"),
    ("jcommander", "com.beust.jcommander", "com.beust"),
    ("jcl-over-slf4j", "org.apache.commons.logging", "org.slf4j"),
    ("jna", "com.sun.jna", "net.java.dev.jna"),
    ("jna-*", "com.sun.jna", "net.java.dev.jna"),
    ("jruby*", "org.jruby", "org.jruby"),
    ("js", "org.mozilla", "rhino"),
    ("jsch", "com.jcraft.jsch", "com.jcraft"),
    ("json-simple", "org.json.simple", "com.googlecode.json-simple"),
    ("jstl", "javax.servlet.jsp.jstl", "javax.servlet"),
    ("jsp-api", "javax.servlet.jsp", "javax.servlet.jsp"),
    ("jsr305", "javax.annotation", "com.google.code.findbugs"),
    ("jul-to-slf4j", "org.slf4j", "org.slf4j"),
    ("junit-jupiter*", "org.junit.jupiter", "org.junit.jupiter"),
    ("junit-platform-*", "org.junit.platform", "org.junit.platform"),
    ("junit-vintage-*", "org.junit.vintage", "org.junit.vintage"),
    ("jython*", "org.python", "org.python"),
    ("jzlib", "com.jcraft.jzlib", "com.jcraft"),
    ("kafka-clients", "org.apache.kafka", "org.apache.kafka"),
    ("kafka-*", "org.apache.kafka", "org.apache.kafka"),
    ("kafka_*", "kafka", "org.apache.kafka"),
    ("koin-*", "org.koin", "io.insert-koin"),
    ("kotlin-*", "kotlin", "org.jetbrains.kotlin"),
    ("kotlin-*", "org.jetbrains.kotlin", "org.jetbrains.kotlin"),
    ("kotlinx-coroutines-*", "kotlinx.coroutines", "org.jetbrains.kotlinx"),
    ("kotlinx-serialization-*", "kotlinx.serialization", "org.jetbrains.kotlinx"),
    ("kotlinx-datetime*", "kotlinx.datetime", "org.jetbrains.kotlinx"),
    ("kotlinx-io-*", "kotlinx.io", "org.jetbrains.kotlinx"),
    ("kotlin-logging*", "mu", "io.github.microutils"),
    ("logging-interceptor", "okhttp3.logging", "com.squareup.okhttp3"),
    ("libfb303", "com.facebook.fb303", "org.apache.thrift"),
    ("log4j", "org.apache.log4j", "log4j"),
    ("lombok", "lombok", "org.projectlombok"),
    ("lucene-*", "org.apache.lucene", "org.apache.lucene"),
    ("lz4*", "net.jpountz", "org.lz4"),
    ("mariadb-java-client", "org.mariadb.jdbc", "org.mariadb.jdbc"),
    ("micrometer-tracing*", "io.micrometer.tracing", "io.micrometer"),
    ("mockito-*", "org.mockito", "org.mockito"),
    ("mssql-jdbc", "com.microsoft.sqlserver", "com.microsoft.sqlserver"),
    ("mysql-connector-j", "com.mysql", "com.mysql"),
    ("mysql-connector-java", "com.mysql", "mysql"),
    ("objenesis", "org.objenesis", "org.objenesis"),
    ("ojdbc*", "oracle.jdbc", "com.oracle.database.jdbc"),
    ("okhttp", "okhttp3", "com.squareup.okhttp3"),
    ("okhttp-*", "okhttp3", "com.squareup.okhttp3"),
    ("okio*", "okio", "com.squareup.okio"),
    ("opentelemetry-*", "io.opentelemetry", "io.opentelemetry"),
    ("parboiled-*", "org.parboiled", "org.parboiled"),
    ("poi-*", "org.apache.poi", "org.apache.poi"),
    ("picocli*", "picocli", "info.picocli"),
    ("postgresql", "org.postgresql", "org.postgresql"),
    ("reactive-streams", "org.reactivestreams", "org.reactivestreams"),
    ("reactor-netty-*", "reactor.netty", "io.projectreactor.netty"),
    ("reactor-*", "reactor", "io.projectreactor"),
    ("retrofit", "retrofit2", "com.squareup.retrofit2"),
    ("rhino*", "org.mozilla.javascript", "org.mozilla"),
    ("rxjava", "io.reactivex.rxjava3", "io.reactivex.rxjava3"),
    ("rxjava", "io.reactivex", "io.reactivex.rxjava2"),
    ("rxjava", "rx", "io.reactivex"),
    ("saxon-he", "net.sf.saxon", "net.sf.saxon"),
    ("Saxon-HE", "net.sf.saxon", "net.sf.saxon"),
    ("scala-compiler", "scala", "org.scala-lang"),
    ("scala-library", "scala", "org.scala-lang"),
    ("scala-reflect", "scala", "org.scala-lang"),
    ("scala-parser-combinators*", "scala", "org.scala-lang.modules"),
    ("scala-xml*", "scala", "org.scala-lang.modules"),
    ("scala3-*", "scala", "org.scala-lang"),
    ("servlet-api", "javax.servlet", "javax.servlet"),
    ("serializer", "org.apache.xml.serializer", "xalan"),
    ("slf4j-*", "org.slf4j", "org.slf4j"),
    ("snakeyaml", "org.yaml.snakeyaml", "org.yaml"),
    ("snappy-java", "org.xerial", "org.xerial.snappy"),
    ("solr-*", "org.apache.solr", "org.apache.solr"),
    ("spock-*", "org.spockframework", "org.spockframework"),
    ("spring-boot*", "org.springframework.boot", "org.springframework.boot"),
    ("spring-cloud-*", "org.springframework.cloud", "org.springframework.cloud"),
    ("spring-data-*", "org.springframework.data", "org.springframework.data"),
    ("spring-integration-*", "org.springframework.integration", "org.springframework.integration"),
    ("spring-kafka*", "org.springframework.kafka", "org.springframework.kafka"),
    ("spring-batch-*", "org.springframework.batch", "org.springframework.batch"),
    ("spring-security-*", "org.springframework.security", "org.springframework.security"),
    ("spring-session-*", "org.springframework.session", "org.springframework.session"),
    ("spring-ws-*", "org.springframework.ws", "org.springframework.ws"),
    ("spring-jcl", "org.apache.commons.logging", "org.springframework"),
    ("spring", "org.springframework", "org.springframework"),
    ("sqlite-jdbc", "org.sqlite", "org.xerial"),
    ("stanford-corenlp*", "edu.stanford.nlp", "edu.stanford.nlp"),
    ("stax-api", "javax.xml.stream", "stax"),
    ("stringtemplate", "org.antlr.stringtemplate", "org.antlr"),
    ("tagsoup", "org.ccil.cowan.tagsoup", "org.ccil.cowan.tagsoup"),
    ("testng", "org.testng", "org.testng"),
    ("tink*", "com.google.crypto.tink", "com.google.crypto.tink"),
    ("tomcat-embed-*", "org.apache", "org.apache.tomcat.embed"),
    ("tomcat-*", "org.apache", "org.apache.tomcat"),
    ("value*", "org.immutables.value", "org.immutables"),
    ("xercesImpl", "org.apache.xerces", "xerces"),
    ("xml-apis-ext", "org.w3c", "xml-apis"),
    ("xpp3_min", "org.xmlpull", "xpp3"),
    ("xz", "org.tukaani.xz", "org.tukaani"),
    ("zookeeper", "org.apache.zookeeper", "org.apache.zookeeper"),
)
# The same for what was published in another group before: the first version that no longer was.
_MOVED: tuple[tuple[str, str, tuple[int, ...], str], ...] = (
    ("ant", "org.apache.tools", (1, 7), "ant"),
    ("ant-*", "org.apache.tools", (1, 7), "ant"),
    ("c3p0", "com.mchange", (0, 9, 2), "c3p0"),
    ("dom4j", "org.dom4j", (2,), "dom4j"),
    ("groovy", "groovy", (4,), "org.codehaus.groovy"),
    ("groovy-*", "groovy", (4,), "org.codehaus.groovy"),
    ("groovy-*", "org.codehaus.groovy", (4,), "org.codehaus.groovy"),
    ("hibernate-core", "org.hibernate", (6,), "org.hibernate"),
    ("hibernate-entitymanager", "org.hibernate", (6,), "org.hibernate"),
    ("hibernate-envers", "org.hibernate", (6,), "org.hibernate"),
    ("hibernate-validator*", "org.hibernate.validator", (6,), "org.hibernate"),
    ("jcommon", "org.jfree", (1, 0, 17), "jfree"),
    ("jfreechart", "org.jfree", (1, 0, 14), "jfree"),
    ("jgroups-all", "org.jgroups", (2, 3), "jgroups"),
    ("quartz", "org.quartz", (1, 7), "opensymphony"),
    ("standard", "org.apache.taglibs", (1, 2), "taglibs"),
    ("struts", "org.apache.struts", (1, 3), "struts"),
    ("velocity", "org.apache.velocity", (1, 5), "velocity"),
    ("velocity-dep", "org.apache.velocity", (1, 5), "velocity"),
)
_NUMBERS = re.compile(r"[0-9]{1,9}", re.ASCII)
# APIs of Java EE and Jakarta EE are named by their package.
_STANDARD = re.compile(r"((?:jakarta|javax)(?:\.[a-z]+)+)-api", re.ASCII)
_SPRING = "org.springframework"
_SPRING_MODULES = frozenset(
    f"spring-{m}"
    for m in (
        *("aop", "aspects", "beans", "context", "context-indexer", "context-support", "core"),
        *("core-test", "expression", "instrument", "jcl", "jdbc", "jms", "messaging", "orm", "oxm"),
        *("r2dbc", "test", "transaction", "tx", "web", "webflux", "webmvc", "websocket"),
    )
)
# Bundles whose names follow another rule than group and artifact: what the name begins with, the
# group, what the artifact begins with before the rest of the name.
_BUNDLES = (
    ("org.apache.tomcat-embed-", "org.apache.tomcat.embed", "tomcat-embed-"),
    ("org.apache.tomcat-", "org.apache.tomcat", "tomcat-"),
    ("org.hibernate.orm.", "org.hibernate.orm", "hibernate-"),
)
# Parts of the Eclipse platform, published under one group.
_PLATFORM = frozenset(
    {
        *(
            "compare",
            "core",
            "debug",
            "e4",
            "equinox",
            "help",
            "jface",
            "osgi",
            "platform",
            "search",
        ),
        *("swt", "team", "text", "ui"),
    }
)
# Jars of these have no classes to ask: their names are theirs alone.
_EMPTY = (
    ("spring-boot-starter", "org.springframework.boot"),
    ("kotlin-stdlib-", "org.jetbrains.kotlin"),
    ("grpc-context", "io.grpc"),
    ("junit-jupiter", "org.junit.jupiter"),
    ("okio", "com.squareup.okio"),
    ("javafx-", "org.openjfx"),
    ("jffi", "com.github.jnr"),
    ("guice-multibindings", "com.google.inject.extensions"),
    ("mongodb-driver", "org.mongodb"),
    ("kotlinx-coroutines-", "org.jetbrains.kotlinx"),
    ("tomcat-i18n-", "org.apache.tomcat"),
)


def former_group(artifact: str, packages: Collection[str], version: str) -> str:
    """The group of a well-known artifact that later versions do not have, or empty.

    Args:
        artifact: its name.
        packages: the packages of its classes, `.` between the steps.
        version: as its file's name has it.
    """
    numbers = tuple(int(number) for number in _NUMBERS.findall(version)[:4])
    for name, package, first, group in _MOVED if numbers else ():
        if _is_named(artifact, name) and numbers < first and _holds(packages, package):
            return group
    return ""


def known_group(artifact: str, packages: Collection[str]) -> str:
    """The group of a well-known artifact, or empty.

    Args:
        artifact: its name.
        packages: the packages of its classes, `.` between the steps.
    """
    if artifact in _SAME:
        return artifact
    if (match := _STANDARD.fullmatch(artifact)) and not artifact.endswith(".cdi-api"):
        return match[1]
    if artifact in _SPRING_MODULES and _holds(packages, _SPRING):
        return _SPRING
    for name, package, group in _KNOWN:
        if _is_named(artifact, name) and _holds(packages, package):
            return group
    if not packages:
        for name, group in _EMPTY:
            if artifact.startswith(name):
                return group
    return ""


def known_bundle(symbolic: str, artifact: str) -> tuple[str, str] | None:
    """Group and artifact of a bundle whose name tells both, e.g. of Tomcat's `catalina.jar`.

    Args:
        symbolic: the bundle's name.
        artifact: the artifact as the file's name has it; it stays where it can be the right one.
    """
    parts = symbolic.split(".")
    if parts[:2] == ["org", "eclipse"] and len(parts) > 2:
        if artifact == symbolic and parts[2] in _PLATFORM:
            return "org.eclipse.platform", symbolic
        # Debian's names: dashes, and the vendor left out.
        if artifact in {"-".join(parts[1:]), "-".join(parts[2:])} and artifact.startswith(
            ("eclipse-", "equinox-")
        ):
            return ".".join(parts[:3]), symbolic
    for prefix, group, start in _BUNDLES:
        rest = symbolic.removeprefix(prefix)
        if rest and rest != symbolic:
            return group, artifact if artifact.startswith(start) else start + rest.replace(".", "-")
    return None


def _is_named(artifact: str, name: str) -> bool:
    return artifact.startswith(name[:-1]) if name[-1] == "*" else artifact == name


def _holds(packages: Collection[str], wanted: str) -> bool:
    inside = f"{wanted}."
    return any(p == wanted or p.startswith(inside) for p in packages)
