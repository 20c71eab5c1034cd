// What the Go test tells the scripts, and how they check.

import assert from "node:assert/strict";

export const setup = JSON.parse(process.env.DEVIDP_SETUP);
export const oddState = `s+t/a=te &<>"'`;

export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

export async function flow(name, run) {
  try {
    await run();
    console.log(`ok ${name}`);
  } catch (error) {
    console.error(`FAIL ${name}: ${error.stack}`);
    process.exitCode = 1;
  }
}

export async function refused(promise, code) {
  await assert.rejects(promise, (error) => {
    const text = [error.message, error.error_description, JSON.stringify(error.cause ?? "")].join(" ");
    assert.ok(text.includes(code), `want ${code}, got: ${text}`);
    return true;
  });
}
