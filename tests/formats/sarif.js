// Validates files of SARIF against the schema of SARIF 2.1.0: node sarif.js FILE...
//
// The schema is that of Microsoft's SARIF SDK, whose package is used for that file alone: its own validator says nothing of a
// file that it cannot read. Each file is also broken in several ways, which the schema must notice: a validator that accepts
// everything would be no check.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

const require = createRequire(import.meta.url);
const schema = JSON.parse(readFileSync(require.resolve("@microsoft/sarif-multitool-linux/sarif-2.1.0.json")));
const ajv = new Ajv.default({ allErrors: true, strict: false });
formats.default(ajv);
const validate = ajv.compile(schema);

const breaks = {
  "a level that is none": (run) => (run.results[0].level = "fatal"),
  "a message without a text": (run) => delete run.results[0].message.text,
  "a property that SARIF does not know": (run) => (run.results[0].severity = "error"),
  "a rule without an id": (run) => delete run.tool.driver.rules[0].id,
  "an exit code that is no number": (run) => (run.invocations[0].exitCode = "1"),
  "no tool": (run) => delete run.tool,
};

let failed = false;
const complain = (file, what) => {
  console.error(`${file}: ${what}`);
  failed = true;
};

const files = process.argv.slice(2);
if (files.length === 0) complain("sarif.js", "no file was named");
for (const file of files) {
  const text = readFileSync(file, "utf8");
  const document = JSON.parse(text);
  if (!validate(document)) {
    for (const error of validate.errors) complain(file, `${error.instancePath} ${error.message}`);
  }
  const { results } = document.runs[0];
  // What nothing was found in would leave most of the schema untried.
  if (results.length === 0) complain(file, "it has no result");
  for (const [what, breakIt] of Object.entries(breaks)) {
    const broken = JSON.parse(text);
    breakIt(broken.runs[0]);
    if (validate(broken)) complain(file, `the schema accepts ${what}`);
  }
  console.log(`${file}: SARIF 2.1.0, ${results.length} results; broken in ${Object.keys(breaks).length} ways it is refused`);
}
process.exit(failed ? 1 : 0);
