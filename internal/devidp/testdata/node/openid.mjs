// openid-client against the provider, over plain http.

import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { answer, Browser } from "./browser.mjs";
import { claims, flow, oddState, refused, setup } from "./setup.mjs";

const { url, tenant, user, publicID, confidential, audience } = setup;
const scope = `openid profile email offline_access ${audience}/.default`;
const insecure = { execute: [oidc.allowInsecureRequests] };
const issuer = new URL(`${url}/${tenant}/v2.0`);

async function publicClient() {
  return oidc.discovery(issuer, publicID, undefined, oidc.None(), insecure);
}

async function confidentialClient(authentication = oidc.ClientSecretPost, secret = confidential.secret) {
  return oidc.discovery(issuer, confidential.id, undefined, authentication(secret), insecure);
}

// received is the address or request that the library reads the answer from.
function received({ url, form }) {
  return form ? new Request(url, { method: "POST", body: form }) : url;
}

async function signIn(config, redirectUri, mode) {
  const verifier = oidc.randomPKCECodeVerifier();
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope, state: oddState, nonce: "n-0nce", response_mode: mode,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
  });
  const brought = await new Browser().signIn(address, user.username);
  assert.equal(answer(brought).get("state"), oddState);
  return oidc.authorizationCodeGrant(config, received(brought), {
    pkceCodeVerifier: verifier, expectedState: oddState, expectedNonce: "n-0nce", idTokenExpected: true,
  });
}

for (const mode of ["query", "form_post"]) {
  await flow(`code with PKCE, ${mode}`, async () => {
    const config = await publicClient();
    const tokens = await signIn(config, "http://127.0.0.1:43211/done", mode);
    assert.equal(tokens.claims().oid, user.objectId);
    assert.equal(claims(tokens.access_token).aud, audience);
    const info = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    assert.equal(info.preferred_username, user.username);
    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, { scope });
    assert.equal(refreshed.claims().sub, tokens.claims().sub);
    assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  });
}

// After Basic the library reports the challenge (RFC 6749 section 5.2), not the body.
for (const [authentication, refusal] of [[oidc.ClientSecretPost, "AADSTS7000215"], [oidc.ClientSecretBasic, "challenge"]]) {
  await flow(`web application, ${authentication.name}`, async () => {
    const config = await confidentialClient(authentication);
    const tokens = await signIn(config, confidential.redirectUri, "query");
    assert.equal(tokens.claims().preferred_username, user.username);
    const app = await oidc.clientCredentialsGrant(config, { scope: `${audience}/.default` });
    assert.equal(claims(app.access_token).idtyp, "app");
    const wrong = await confidentialClient(authentication, "wrong");
    await refused(oidc.clientCredentialsGrant(wrong, { scope: `${audience}/.default` }), refusal);
  });
}

await flow("fragment", async () => {
  const config = await publicClient();
  const redirectUri = "http://localhost:43211/done";
  const address = oidc.buildAuthorizationUrl(config, { redirect_uri: redirectUri, scope, state: oddState, response_mode: "fragment" });
  const brought = await new Browser().signIn(address, user.username);
  const query = new URL(redirectUri);
  query.search = answer(brought);
  const tokens = await oidc.authorizationCodeGrant(config, query, { expectedState: oddState, idTokenExpected: true });
  assert.equal(tokens.claims().name, user.name);
});

await flow("device code", async () => {
  const config = await publicClient();
  const device = await oidc.initiateDeviceAuthorization(config, { scope });
  const granted = oidc.pollDeviceAuthorizationGrant(config, device);
  await new Browser().approveDevice(device.verification_uri, device.user_code, user.username);
  assert.equal(claims((await granted).access_token).oid, user.objectId);
});
