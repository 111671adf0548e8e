// Verify bundles with the verifier of the Node clients, by its public interface.
//
//   node npm_verify.js ROOT [--artifact FILE] [--identity NAME --issuer URL] [--key PEM --hint HINT]
//                      BUNDLE...
//
// Prints a JSON array: for each bundle who signed it, or the code and message of the refusal.
"use strict";

const fs = require("node:fs");
const crypto = require("node:crypto");
const { parseArgs } = require("node:util");
const { bundleFromJSON } = require("@sigstore/bundle");
const { TrustedRoot } = require("@sigstore/protobuf-specs");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const text = { type: "string" };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { artifact: text, identity: text, issuer: text, key: text, hint: text },
});
const [root, ...bundles] = positionals.map((name) => JSON.parse(fs.readFileSync(name, "utf8")));

const keys = {};
if (values.key) {
  const key = crypto.createPublicKey(fs.readFileSync(values.key));
  keys[values.hint] = { rawBytes: key.export({ type: "spki", format: "der" }) };
}
// It takes a name for a regular expression, and finds it anywhere.
const exact = (name) => `^${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$`;
const policy = values.identity && {
  subjectAlternativeName: exact(values.identity),
  extensions: { issuer: values.issuer },
};
const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(root), keys));
const artifact = values.artifact && fs.readFileSync(values.artifact);

const verify = (bundle) => {
  try {
    const entity = toSignedEntity(bundleFromJSON(bundle), artifact);
    const { identity = {} } = verifier.verify(entity, policy);
    const { issuer } = identity.extensions || {};
    return { identity: identity.subjectAlternativeName, issuer };
  } catch (error) {
    return { refused: error.code || error.name, message: error.message };
  }
};
console.log(JSON.stringify(bundles.map(verify)));
