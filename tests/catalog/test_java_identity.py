"""Names, manifests, poms, and the decision which artifact a jar is.

The coordinates are those under which each artifact is published on Maven Central.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.catalog.ecosystems.java.identity import Coordinates, Evidence, decide
from provenance.catalog.ecosystems.java.licenses import licenses_of
from provenance.catalog.ecosystems.java.manifest import main_attributes, properties
from provenance.catalog.ecosystems.java.names import file_name, folder_group
from provenance.catalog.ecosystems.java.pom import BadPom, Pom, parse_pom
from provenance.catalog.ecosystems.zip_archive import Budget, Exhausted


def parsed(text: str) -> Pom:
    return parse_pom(text.encode(), Budget(0))


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("commons-lang3", ("commons-lang3", "", "")),
        ("commons-lang3-3.12.0", ("commons-lang3", "3.12.0", "")),
        ("log4j-1.2-api-2.17.1", ("log4j-1.2-api", "2.17.1", "")),
        ("guava-33.1.0-jre", ("guava", "33.1.0-jre", "")),
        ("jackson-annotations-2.15.0-rc2", ("jackson-annotations", "2.15.0-rc2", "")),
        ("spring-web-5.3.20.RELEASE", ("spring-web", "5.3.20.RELEASE", "")),
        ("foo-1.0-20200101.120000-3", ("foo", "1.0-20200101.120000-3", "")),
        ("foo-1.0-SNAPSHOT-tests", ("foo", "1.0-SNAPSHOT", "tests")),
        ("pmaven-common-0.8-tobrien-SNAPSHOT", ("pmaven-common", "0.8-tobrien-SNAPSHOT", "")),
        ("log4j-1.2-api-3.0.0-SNAPSHOT", ("log4j-1.2-api", "3.0.0-SNAPSHOT", "")),
        ("plexus-container-1.0-beta-9", ("plexus-container", "1.0-beta-9", "")),
        ("akka-actor_2.13-2.6.0", ("akka-actor_2.13", "2.6.0", "")),
        ("bcprov-jdk15on-1.70", ("bcprov-jdk15on", "1.70", "")),
        ("netty-epoll-4.1.0.Final-linux-x86_64", ("netty-epoll", "4.1.0.Final", "linux-x86_64")),
        ("app-2.0-jar-with-dependencies", ("app", "2.0", "jar-with-dependencies")),
        ("org.eclipse.osgi_3.18.0.v20220516", ("org.eclipse.osgi", "3.18.0.v20220516", "")),
        ("org.eclipse.jdt_3.19.0.v20231201-0719", ("org.eclipse.jdt", "3.19.0.v20231201-0719", "")),
        ("kafka_2.13-3.6.1", ("kafka_2.13", "3.6.1", "")),
        ("closure-compiler-v20130227", ("closure-compiler", "v20130227", "")),
        ("-1.0", ("-1.0", "", "")),
    ],
)
def test_file_names_fall_apart_into_artifact_version_and_classifier(
    stem: str, expected: tuple[str, str, str]
) -> None:
    assert tuple(file_name(stem)) == expected


@given(st.text(max_size=300))
def test_any_file_name_keeps_all_its_text(stem: str) -> None:
    named = file_name(stem)
    parts = [p for p in (named.artifact, named.version, named.classifier) if p]
    assert sum(map(len, parts)) + len(parts) - 1 == len(stem) or stem == named.artifact


@pytest.mark.parametrize(
    ("folders", "stem", "expected"),
    [
        ("root/.m2/repository/org/x/y/1.0", "y-1.0", ("org.x", "y", "1.0")),
        ("usr/share/maven-repo/junit/junit/4.13", "junit-4.13", ("junit", "junit", "4.13")),
        ("m2/repository/a/b/1-SNAPSHOT", "b-1-20200101.1-1", ("a", "b", "1-SNAPSHOT")),
        (
            "root/.gradle/caches/modules-2/files-2.1/org.x/y/1.0/ab12",
            "y-1.0",
            ("org.x", "y", "1.0"),
        ),
        ("srv/repository/org/x/y/1.0", "z-1.0", ("", "", "")),
        ("app/lib", "y-1.0", ("", "", "")),
        ("repository/1.0", "y-1.0", ("", "", "")),
        ("repository/org/x/y/1.0", "y-2.0", ("", "", "")),
        ("srv/org/x/y/1.0", "y-1.0", ("", "", "")),
        ("srv/repository/o g/y/1.0", "y-1.0", ("", "", "")),
    ],
)
def test_the_folders_of_a_repository_tell_the_coordinates(
    folders: str, stem: str, expected: tuple[str, str, str]
) -> None:
    assert folder_group(folders.split("/"), stem) == expected


def test_a_manifest_is_read_until_its_first_section() -> None:
    data = (
        b"Manifest-Version: 1.0\r\nBundle-Name: a b\r\n c\r\nbroken\r\nNAME: one\r\nname: two\r\n"
        b"Umlaut: \xc3\r\n \xa4\r\n\r\nName: org/x/A.class\r\nBundle-Name: other\r\n"
    )
    assert main_attributes(data) == {
        "manifest-version": "1.0",
        "bundle-name": "a bc",
        "name": "two",
        "umlaut": "ä",
    }


def test_properties_have_comments_escapes_and_three_separators() -> None:
    data = b"#c\n!c\ngroupId = org.x\nartifactId:y\nversion 1\\u002e0\n\nk\\=v=w\\\n"
    assert properties(data) == {
        "groupId": "org.x",
        "artifactId": "y",
        "version": "1.0",
        "k=v": "w\\",
    }


POM = """<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.x</groupId><artifactId>up</artifactId><version>2.1</version></parent>
  <artifactId>y</artifactId>
  <name>${project.artifactId} name</name>
  <properties><z.version>7</z.version><loop>${loop}</loop></properties>
  <licenses><license><name>MIT</name><url>https://x.org/l</url></license></licenses>
  <organization><name>X, Inc.</name></organization>
  <dependencies>
    <dependency><groupId>a</groupId><artifactId>b</artifactId><version>${z.version}</version>
      <exclusions><exclusion><artifactId>no</artifactId></exclusion></exclusions></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>c</artifactId></dependency>
    <dependency><groupId>${unknown}</groupId><artifactId>d</artifactId></dependency>
    <dependency><groupId>${loop}</groupId><artifactId>e</artifactId></dependency>
    <dependency><groupId>t</groupId><artifactId>t</artifactId><scope>test</scope></dependency>
    <dependency><groupId>o</groupId><artifactId>o</artifactId><optional>true</optional></dependency>
  </dependencies>
</project>"""


def test_a_pom_inherits_from_its_parent_and_resolves_its_properties() -> None:
    pom = parsed(POM)
    assert (pom.group, pom.artifact, pom.version) == ("org.x", "y", "2.1")
    assert pom.name == "y name"
    assert pom.organization == "X, Inc."
    assert pom.licenses == [("MIT", "https://x.org/l")]
    assert pom.dependencies == [("a", "b", "7"), ("org.x", "c", "")]


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE project [<!ENTITY a "aaaa">]><project><version>&a;</version></project>',
        "<html/>",
        "<project>",
        "",
        "<project>" + "<a>" * 100 + "</a>" * 100 + "</project>",
        '<?xml version="1.0" encoding="no-such"?><project/>',
        "<project>&unknown;</project>",
    ],
)
def test_no_entity_is_expanded_and_nothing_else_is_a_pom(text: str) -> None:
    with pytest.raises(BadPom):
        parsed(text)


def test_a_pom_of_too_many_elements_ends() -> None:
    with pytest.raises(Exhausted):
        parse_pom(b"<project>" + b"<a/>" * 100 + b"</project>", Budget(0, records=50))


def test_properties_that_double_each_other_stay_short() -> None:
    doubling = "".join(f"<p{n}>{f'${{p{n + 1}}}' * 40}</p{n}>" for n in range(30))
    pom = parsed(
        f"<project><properties>{doubling}</properties><artifactId>${{p0}}</artifactId></project>"
    )
    assert pom.artifact == ""


@pytest.mark.parametrize(
    ("attributes", "licenses", "stated"),
    [
        ({"bundle-license": "MIT"}, ("MIT",), ()),
        (
            {"bundle-license": "https://www.apache.org/licenses/LICENSE-2.0.txt"},
            ("Apache-2.0",),
            ("https://www.apache.org/licenses/LICENSE-2.0.txt",),
        ),
        (
            {"bundle-license": '"Apache 2.0";link="http://x.org", http://a.org/license.html'},
            ("Apache-2.0", "http://a.org/license.html"),
            ("Apache 2.0", "http://a.org/license.html"),
        ),
        (
            {"bundle-license": "http://www.gnu.org/licenses/old-licenses/lgpl-2.1.html"},
            ("http://www.gnu.org/licenses/old-licenses/lgpl-2.1.html",),
            (),
        ),
        ({"bundle-license": "<<EXTERNAL>>"}, (), ()),
        (
            {
                "plugin-license-name": "Apache License, Version 2.0",
                "plugin-license-name-2": "MIT License",
            },
            ("Apache-2.0", "MIT"),
            ("Apache License, Version 2.0", "MIT License"),
        ),
    ],
)
def test_licences_of_manifests(
    attributes: dict[str, str], licenses: tuple[str, ...], stated: tuple[str, ...]
) -> None:
    assert licenses_of(Pom(), attributes) == (licenses, stated)


def of(
    path: str, packages: str = "", *coordinates: Coordinates, hints: str = "", **attributes: str
) -> str:
    """`group:artifact:version[:classifier]`, or empty."""
    evidence = Evidence(
        path,
        {k.replace("_", "-"): v for k, v in attributes.items()},
        coordinates,
        frozenset(packages.split()),
        [(g, a) for g, _, a in (h.partition(":") for h in hints.split())],
    )
    found = decide(evidence)
    return ":".join(filter(None, found[:4])) if found else ""


def pom(group: str, artifact: str, version: str) -> Coordinates:
    return Coordinates(group, artifact, version, f"META-INF/maven/{artifact}/pom.properties")


def test_coordinates_that_the_file_name_repeats_are_the_jars_own() -> None:
    shaded = [
        pom("com.google.guava", "guava", "29.0-jre"),
        pom("org.x", "x", "1"),
        pom("b", "b-x", "1"),
    ]
    assert of("lib/x-1.jar", "", *shaded) == "org.x:x:1"
    assert of("lib/x-1-all.jar", "", *shaded) == "org.x:x:1:all"
    assert of("lib/x.jar", "", *shaded) == "org.x:x:1"
    assert of("lib/org.x.x-2.jar", "", *shaded) == "org.x:x:1"
    assert of("lib/app.jar", "", *shaded, implementation_title="x", implementation_version="1") == (
        "org.x:x:1"
    )


def test_a_renamed_jar_is_still_its_only_coordinates() -> None:
    assert of("app.jar", "", pom("org.x", "service", "1.4")) == "org.x:service:1.4"


def test_what_was_shaded_does_not_name_the_jar() -> None:
    guava = pom("com.google.guava", "guava", "29.0-jre")
    assert of("shaded-deps-1.1.jar", "", guava) == "shaded-deps:shaded-deps:1.1"


def test_the_only_coordinates_are_not_those_of_a_jar_that_names_itself() -> None:
    cglib = pom("cglib", "cglib", "2.2")
    said = {"bundle_symbolicname": "com.google.inject", "bundle_version": "4.2.3"}
    guice = of("usr/share/java/guice.jar", "com.google.inject com.google.inject.spi", cglib, **said)
    assert guice == "com.google.inject:guice:4.2.3"
    tool = of("usr/share/java/tool.jar", "", cglib, implementation_title="Tool", bundle_version="3")
    assert tool == "tool:tool:3"
    assert of("app.jar", "", cglib, implementation_title="cglib") == "cglib:cglib:2.2"
    service = pom("org.x", "service", "1.4")
    for version in ("", "1.4"):
        found = of("app.jar", "", service, implementation_title="App", bundle_version=version)
        assert found == "org.x:service:1.4"


def test_underscores_of_an_artifact_may_be_hyphens_of_its_file() -> None:
    spec = pom("org.apache.geronimo.specs", "geronimo-interceptor_3.0_spec", "1.0.1")
    found = of("usr/share/java/geronimo-interceptor-3.0-spec.jar", "javax.interceptor", spec)
    assert found == "org.apache.geronimo.specs:geronimo-interceptor_3.0_spec:1.0.1"


def test_a_renamed_jar_of_an_old_name_is_what_its_coordinates_say() -> None:
    reload = pom("ch.qos.reload4j", "reload4j", "1.2.25")
    assert of("log4j.jar", "org.apache", reload) == "ch.qos.reload4j:reload4j:1.2.25"


def test_a_major_version_in_the_file_name_hides_no_coordinates() -> None:
    provider = pom("org.apache.maven", "maven-slf4j-provider", "3.8.7")
    simple = pom("org.slf4j", "slf4j-simple", "1.7.36")
    found = of("usr/share/java/maven3-slf4j-provider.jar", "", simple, provider)
    assert found == "org.apache.maven:maven-slf4j-provider:3.8.7"


@pytest.mark.parametrize(
    ("expected", "stem", "stated"),
    [
        ("org.x:x:2.36.0", "x-2.36.0", "2.36.0-SNAPSHOT"),
        ("org.x:x:12.6.1.jre11", "x-12.6.1.jre11", "12.6.1"),
        # Not what was published: the name of a bundle in a program, another version.
        ("org.x:x:3.18.0-SNAPSHOT", "x_3.18.0.v20220516", "3.18.0-SNAPSHOT"),
        ("org.x:x:1.4", "x-2", "1.4"),
        ("org.x:x:1.4-SNAPSHOT", "x-1.4-SNAPSHOT", "1.4-SNAPSHOT"),
    ],
)
def test_a_published_version_may_be_another_than_its_draft(
    expected: str, stem: str, stated: str
) -> None:
    assert of(f"lib/{stem}.jar", "", pom("org.x", "x", stated)) == expected


def test_coordinates_without_version_or_group_are_completed() -> None:
    assert of("y-2.jar", "org.x.y", pom("", "y", "")) == "org.x.y:y:2"


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        # Where the group stands, though not as such.
        ("io.micrometer:micrometer-core:1.12.5", of(
            "micrometer-core-1.12.5.jar", "io.micrometer.core",
            implementation_title="io.micrometer#micrometer-core;1.12.5")),
        ("io.projectreactor:reactor-core:3.6.5", of(
            "reactor-core-3.6.5.jar", hints="io.projectreactor:reactor-core x:y")),
        ("com.github.luben:zstd-jni:1.5.5-1", of(
            "zstd-jni-1.5.5-1.jar", "com.github.luben.zstd",
            implementation_vendor_id="com.github.luben")),
        # Group and artifact joined, as bundle plugins do it.
        ("com.fasterxml.jackson.core:jackson-core:2.15.0", of(
            "jackson-core-2.15.0.jar",
            bundle_symbolicname="com.fasterxml.jackson.core.jackson-core;singleton:=true")),
        ("org.apache.maven:maven-core:3.8.7", of(
            "maven-core-3.8.7.jar", "org.apache.maven",
            bundle_symbolicname="org.apache.maven.core")),
        ("org.opentest4j:opentest4j:1.3.0", of(
            "opentest4j-1.3.0.jar", bundle_symbolicname="org.opentest4j")),
        ("jakarta.xml.bind:jakarta.xml.bind-api:4.0.0", of(
            "jakarta.xml.bind-api-4.0.0.jar", bundle_symbolicname="jakarta.xml.bind-api")),
        # Well-known artifacts.
        ("commons-io:commons-io:2.11.0", of(
            "commons-io-2.11.0.jar", bundle_symbolicname="org.apache.commons.commons-io")),
        ("org.springframework:spring-core:6.1.6", of(
            "spring-core-6.1.6.jar", "org.springframework.core org.springframework.util")),
        ("org.springframework.boot:spring-boot-starter-web:3.2.5", of(
            "spring-boot-starter-web-3.2.5.jar")),
        ("com.google.inject.extensions:guice-jmx:4.2.3", of(
            "guice-jmx-4.2.3.jar", "com.google.inject.tools.jmx")),
        ("org.mongodb:mongodb-driver:3.6.3", of("mongodb-driver-3.6.3.jar")),
        ("commons-logging:commons-logging-api:1.2", of(
            "commons-logging-api-1.2.jar", "org.apache.commons.logging")),
        ("org.ow2.asm:asm-tree:9.7", of("asm-tree-9.7.jar", "org.objectweb.asm.tree")),
        ("com.squareup.okio:okio-jvm:3.6.0", of(
            "okio-jvm-3.6.0.jar", "okio okio.internal", bundle_symbolicname="com.squareup.okio")),
        ("org.apache.tomcat:tomcat-catalina:9.0.70", of(
            "usr/local/tomcat/lib/catalina.jar", "org.apache.catalina",
            bundle_symbolicname="org.apache.tomcat-catalina", implementation_version="9.0.70")),
        ("org.hibernate.orm:hibernate-core:6.4.4.Final", of(
            "hibernate-core-6.4.4.Final.jar", "org.hibernate",
            bundle_symbolicname="org.hibernate.orm.core",
            implementation_vendor_id="org.hibernate")),
        ("org.elasticsearch.client:elasticsearch-rest-client:8.13.2", of(
            "elasticsearch-rest-client-8.13.2.jar",
            implementation_title="org.elasticsearch.client#rest;8.13.2")),
        ("org.eclipse.platform:org.eclipse.osgi:3.18.0", of(
            "org.eclipse.osgi-3.18.0.jar", bundle_symbolicname="org.eclipse.osgi")),
        ("org.eclipse.core:org.eclipse.core.jobs:3.13.200", of(
            "eclipse-core-jobs-3.13.200.jar", bundle_symbolicname="org.eclipse.core.jobs")),
        ("org.eclipse.jetty:jetty-server:11.0.1", of(
            "jetty-server-11.0.1.jar", bundle_symbolicname="org.eclipse.jetty.server")),
        # What moved from one group to another.
        ("dom4j:dom4j:1.6.1", of("dom4j-1.6.1.jar", "org.dom4j org.dom4j.io")),
        ("org.dom4j:dom4j:2.1.4", of("dom4j-2.1.4.jar", "org.dom4j org.dom4j.io")),
        ("org.codehaus.groovy:groovy-all:2.4.21", of(
            "groovy-all-2.4.21.jar", "groovy.lang org.codehaus.groovy")),
        ("org.apache.groovy:groovy:4.0.9", of(
            "groovy-4.0.9.jar", "groovy.lang org.codehaus.groovy.ast")),
        ("org.hibernate:hibernate-core:5.6.15.Final", of(
            "hibernate-core-5.6.15.Final.jar", "org.hibernate",
            bundle_symbolicname="org.hibernate.orm.core")),
        ("ant:ant:1.6.5", of("ant-1.6.5.jar", "org.apache.tools.ant")),
        ("org.apache.ant:ant:1.10.14", of("ant-1.10.14.jar", "org.apache.tools.ant")),
        ("jfree:jfreechart:1.0.13", of("jfreechart-1.0.13.jar", "org.jfree.chart")),
        ("org.jfree:jfreechart:1.0.19", of(
            "jfreechart-1.0.19.jar", "org.jfree.chart org.jfree.data")),
        # The manifest is of what was shaded into it: it has another version.
        ("org.apache.hadoop:hadoop-client-runtime:3.3.4", of(
            "hadoop-client-runtime-3.3.4.jar",
            "org.apache.hadoop.shaded.a org.apache.hadoop.thirdparty",
            implementation_vendor_id="org.apache.hadoop.thirdparty",
            implementation_version="1.1.1")),
        ("com.github.luben:zstd-jni:1.5.5-1", of(
            "zstd-jni-1.5.5-1.jar", "x.y", implementation_vendor_id="com.github.luben",
            implementation_version="1.5.5")),
        # The package of the classes.
        ("com.zeroc:icebox:3.7.8", of("icebox-3.7.8.jar", "com.zeroc.IceBox")),
        ("org.codehaus.plexus:plexus-utils:3.5", of(
            "plexus-utils-3.5.jar", "org.codehaus.plexus.util org.codehaus.plexus.util.io")),
        ("biz.x:predictor:0.3", of("predictor-0.3.jar", "biz.x")),
        # Nothing tells: the artifact's own name.
        ("predictor:predictor:0.3", of("predictor-0.3.jar", "org.apache.a com.b")),
    ],
)  # fmt: skip
def test_the_group_comes_from_what_tells_it(expected: str, found: str) -> None:
    assert found == expected


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("org.x.y:y:1.2-rc1", of(
            "y.jar", bundle_symbolicname="org.x.y.y", implementation_version="1.2-rc1",
            bundle_version="1.2.0.rc1")),
        ("org.x.y:y:1.78", of(
            "y.jar", bundle_symbolicname="org.x.y.y", bundle_version="1.78.0",
            specification_version="1.78")),
        ("org.x:y:2.1", of(
            "y-2.1.jar", bundle_symbolicname="org.x.y", implementation_version="${version}")),
        ("org.x.y:org.x.y.z:1.0.0", of(
            "other.jar", bundle_symbolicname="org.x.y.z", bundle_version="1.0.0")),
        ("org.x.y:y", of("y.jar", bundle_symbolicname="org.x.y.y")),
        ("com.example:plugin:1.0.0", of(
            "renamed.jar", implementation_vendor_id="com.example", implementation_title="plugin",
            implementation_version="1.0.0")),
        ("org.jenkins-ci.plugins:git:5.2", of(
            "git.hpi", short_name="git", plugin_version="5.2")),
        ("io.jenkins:git:5.2", of(
            "git.jpi", short_name="git", plugin_version="5.2", group_id="io.jenkins")),
        # The major version in a distribution's name; in an artifact's own its classes have it too.
        ("org.apache.tomcat:tomcat-jdbc:10.1.60", of(
            "usr/share/java/tomcat10-jdbc-10.1.60.jar", "org.apache.tomcat.jdbc.pool")),
        ("org.apache.tomcat:tomcat-i18n-cs:10.1.60", of(
            "usr/share/java/tomcat10-i18n-cs-10.1.60.jar")),
        ("junit:junit:4.13.2", of("usr/share/java/junit4-4.13.2.jar", "org.junit junit.framework")),
        ("commons-collections:commons-collections:3.2.2", of(
            "usr/share/java/commons-collections3-3.2.2.jar", "org.apache.commons.collections")),
        ("org.apache.commons:commons-lang3:3.14.0", of(
            "commons-lang3-3.14.0.jar", "org.apache.commons.lang3")),
        ("com.h2database:h2:2.2.224", of("h2-2.2.224.jar", "org.h2 org.h2.api")),
        ("org.x:x2:1.0", of("usr/share/java/x2-1.0.jar", "org.x")),
        ("org.y:x2:2.0", of("usr/share/java/x2-2.0.jar", "org.y")),
        ("org.x:x2:2.0", of("x2-2.0.jar", "org.x")),
        ("org.x:x2-runtime:2.0", of(
            "usr/share/java/x2-runtime-2.0.jar", "org.x.v2.runtime",
            bundle_symbolicname="org.x.x2-runtime")),
        ("org.scala-lang:scala3-library_3:3.3.1", of(
            "app/scala3-library_3-3.3.1.jar", "scala scala.runtime")),
        # A name with two numbers: the manifest says where it ends.
        ("spock-core:spock-core:2.3-groovy-4.0", of(
            "spock-core-2.3-groovy-4.0.jar", implementation_title="spock-core",
            implementation_version="2.3")),
        ("spock-core-2.3-groovy:spock-core-2.3-groovy:4.0", of(
            "spock-core-2.3-groovy-4.0.jar", implementation_title="spock-core",
            implementation_version="4.0")),
        ("org.x:y:1.0", of("root/.m2/repository/org/x/y/1.0/y-1.0.jar")),
        ("org.x:y:1.0:sources", of("m2/repository/org/x/y/1.0/y-1.0-sources.jar")),
        # No identity.
        ("", of("app.jar")),
        ("", of("app.jar", "com.example.app")),
        ("", of("app.jar", implementation_version="1.0")),
        ("", of(
            "usr/lib/jvm/java-17/lib/jrt-fs.jar", "jdk.internal.jrtfs",
            specification_title="Java Platform API Specification",
            implementation_version="17.0.9")),
    ],
)  # fmt: skip
def test_the_version_comes_from_the_file_name_or_the_manifest(expected: str, found: str) -> None:
    assert found == expected
