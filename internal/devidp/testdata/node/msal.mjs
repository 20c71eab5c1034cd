// Microsoft Authentication Library for Node against the provider, over TLS.

import assert from "node:assert/strict";
import { ConfidentialClientApplication, CryptoProvider, PublicClientApplication } from "@azure/msal-node";
import { answer, Browser } from "./browser.mjs";
import { claims, flow, oddState, refused, setup } from "./setup.mjs";

const { url, tenant, user, publicID, confidential, audience } = setup;
const scopes = [`${audience}/.default`];
const knownAuthorities = [new URL(url).host];

function publicClient(segment = tenant) {
  return new PublicClientApplication({ auth: { clientId: publicID, authority: `${url}/${segment}`, knownAuthorities } });
}

function confidentialClient(secret = confidential.secret) {
  return new ConfidentialClientApplication({
    auth: { clientId: confidential.id, clientSecret: secret, authority: `${url}/${tenant}`, knownAuthorities },
  });
}

function checkToken(result) {
  const got = claims(result.accessToken);
  assert.equal(got.aud, audience);
  assert.equal(got.scp, "user_impersonation");
  assert.equal(got.oid, user.objectId);
  assert.equal(result.account.username, user.username);
  assert.equal(result.account.homeAccountId, `${user.objectId}.${tenant}`);
}

async function checkSilent(client, result) {
  const cached = await client.acquireTokenSilent({ account: result.account, scopes });
  assert.equal(cached.fromCache, true, "the token must be found in the cache");
  const fresh = await client.acquireTokenSilent({ account: result.account, scopes, forceRefresh: true });
  assert.equal(fresh.fromCache, false);
  assert.notEqual(fresh.accessToken, result.accessToken);
  const other = await client.acquireTokenSilent({
    account: result.account,
    scopes: ["https://management.core.windows.net//.default"],
  });
  assert.equal(claims(other.accessToken).aud, "https://management.core.windows.net/");
}

for (const segment of [tenant, "common", "organizations", setup.domain]) {
  for (const responseMode of ["query", "fragment", "form_post"]) {
    await flow(`code with PKCE, ${segment}, ${responseMode}`, async () => {
      const client = publicClient(segment);
      const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
      const redirectUri = "http://localhost:43210/done";
      const address = await client.getAuthCodeUrl({
        scopes, redirectUri, responseMode, state: oddState, nonce: "n-0nce", codeChallenge: challenge, codeChallengeMethod: "S256",
      });
      const got = answer(await new Browser().signIn(address, user.username));
      assert.equal(got.get("state"), oddState);
      const result = await client.acquireTokenByCode(
        { code: got.get("code"), scopes, redirectUri, codeVerifier: verifier, state: oddState, nonce: "n-0nce" },
        { code: got.get("code"), state: got.get("state") },
      );
      assert.equal(claims(result.idToken).nonce, "n-0nce");
      checkToken(result);
      await checkSilent(client, result);
    });
  }
}

await flow("interactive", async () => {
  const client = publicClient();
  const browser = new Browser();
  const result = await client.acquireTokenInteractive({
    scopes,
    openBrowser: async (address) => browser.deliver(await browser.signIn(address, user.username)),
  });
  checkToken(result);
});

await flow("device code", async () => {
  const client = publicClient();
  const result = await client.acquireTokenByDeviceCode({
    scopes,
    deviceCodeCallback: (device) => {
      assert.ok(device.message.includes(`enter the code ${device.userCode}`));
      new Browser().approveDevice(device.verificationUri, device.userCode, user.username).catch((error) => {
        console.error(`FAIL device page: ${error.stack}`);
        process.exit(1);
      });
    },
  });
  checkToken(result);
  await checkSilent(client, result);
});

await flow("password", async () => {
  const client = publicClient();
  checkToken(await client.acquireTokenByUsernamePassword({ scopes, username: user.username, password: user.password }));
  await refused(
    publicClient().acquireTokenByUsernamePassword({ scopes, username: user.username, password: "wrong" }),
    "AADSTS50126",
  );
});

await flow("client credentials", async () => {
  const result = await confidentialClient().acquireTokenByClientCredential({ scopes });
  assert.equal(claims(result.accessToken).idtyp, "app");
  await refused(confidentialClient("wrong").acquireTokenByClientCredential({ scopes }), "AADSTS7000215");
});

await flow("web application", async () => {
  const client = confidentialClient();
  const redirectUri = confidential.redirectUri;
  const address = await client.getAuthCodeUrl({ scopes, redirectUri, state: oddState });
  const got = answer(await new Browser().signIn(address, user.username));
  const result = await client.acquireTokenByCode({ code: got.get("code"), scopes, redirectUri });
  checkToken(result);
  await checkSilent(client, result);
  await refused(client.acquireTokenByCode({ code: got.get("code"), scopes, redirectUri }), "AADSTS54005");
});
