// Does every operation on tokens with azure-devops-node-api, as its generated
// clients do: the resource is found by discovery, the version is negotiated.

import assert from "node:assert/strict";
import azdev from "azure-devops-node-api";
import bases from "azure-devops-node-api/ClientApiBases.js";

const setup = JSON.parse(process.env.COMPAT_SETUP);
const tokensID = "55967393-20ef-45c6-a96c-b5d5d5986a9a";
const unknown = "11111111-2222-4333-8444-555555555555";

class TokensApi extends bases.ClientApiBase {
  async send(verb, query, body) {
    const { requestUrl, apiVersion } = await this.vsoClient.getVersioningData("7.1-preview.1", "Tokens", tokensID, {}, query);
    assert.equal(apiVersion, "7.1-preview.1");
    const options = this.createRequestOptions("application/json", apiVersion);
    const args = body === undefined ? [requestUrl, options] : [requestUrl, body, options];
    return this.rest[verb](...args);
  }
}

async function tokens(token) {
  const web = new azdev.WebApi(`${setup.url}/${setup.organization.name}`, azdev.getBearerHandler(token));
  const url = await web._getResourceAreaUrl(web.serverUrl, tokensID);
  assert.equal(url, `${setup.url}/${setup.organization.name}/`);
  return new TokensApi(url, [web.authHandler], "compat");
}

// refused expects an error with that status and typeKey.
async function refused(promise, status, typeKey) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, status, error.stack);
    assert.equal(error.result?.typeKey, typeKey, JSON.stringify(error.result));
    assert.equal(error.message, error.result.message);
    return true;
  });
}

const web = new azdev.WebApi(`${setup.url}/${setup.organization.name}`, azdev.getBearerHandler(setup.token));
const connection = await web.connect();
assert.equal(connection.authenticatedUser.id, setup.user);
assert.equal(connection.authenticatedUser.providerDisplayName, "Alice Example");
assert.equal(connection.instanceId, setup.organization.id);

const locations = await web.getLocationsApi();
const data = await locations.getConnectionData();
assert.equal(data.authenticatedUser.id, setup.user);
const area = await locations.getResourceArea(tokensID);
assert.equal(area.locationUrl, `${setup.url}/${setup.organization.name}/`);

const api = await tokens(setup.token);
const place = await api.vsoClient.beginGetLocation("Tokens", tokensID);
assert.deepEqual([place.area, place.resourceName, place.maxVersion], ["Tokens", "Pats", "7.2"]);

const validTo = new Date(Date.now() + 7 * 24 * 3600 * 1000);
const created = await api.send("create", {}, { displayName: "from Node", scope: "vso.code", validTo, allOrgs: false });
assert.equal(created.statusCode, 200);
assert.equal(created.result.patTokenError, "none");
const made = created.result.patToken;
assert.equal(made.token.length, 84);
assert.deepEqual(made.targetAccounts, [setup.organization.id]);
assert.equal(Date.parse(made.validTo), validTo.getTime());

const got = await api.send("get", { authorizationId: made.authorizationId });
assert.deepEqual(got.result.patToken, { ...made, token: null });

const updated = await api.send("replace", {}, { authorizationId: made.authorizationId, displayName: "renamed", allOrgs: true });
assert.deepEqual(updated.result.patToken, { ...made, displayName: "renamed", targetAccounts: null, token: null });

await api.send("create", {}, { displayName: "second", scope: "vso.build" });
const names = [];
let continuationToken;
do {
  const query = { displayFilterOption: "active", sortByOption: "displayName", isSortAscending: true, $top: 1, continuationToken };
  const page = (await api.send("get", query)).result;
  names.push(...page.patTokens.map((token) => token.displayName));
  continuationToken = page.continuationToken;
} while (continuationToken !== "");
assert.deepEqual(names, ["renamed", "second"]);

const revoked = await api.send("del", { authorizationId: made.authorizationId });
assert.equal(revoked.statusCode, 204);
const refusal = await api.send("create", {}, { displayName: "third", scope: "vso.nonsense" });
assert.deepEqual(refusal.result, { patToken: null, patTokenError: "invalidScope" });

await refused(api.send("del", { authorizationId: "x" }), 400, "InvalidAuthorizationIdException");
await refused(api.send("get", { sortByOption: "size" }), 400, "VssPropertyValidationException");
await refused(api.send("update", {}, {}), 405, "HttpRequestMethodNotAllowedException"); // PATCH
await refused(tokens(setup.application), 403, "InvalidAccessException").catch(async () => {
  const robot = await tokens(setup.application); // discovery may be open to it, tokens are not
  await refused(robot.send("get", {}), 403, "InvalidAccessException");
});
const missing = await api.send("del", { authorizationId: unknown }); // the library turns 404 into null
assert.deepEqual([missing.statusCode, missing.result], [404, null]);

const pat = new azdev.WebApi(`${setup.url}/${setup.organization.name}`, azdev.getPersonalAccessTokenHandler(made.token));
await refused(pat.connect(), 401, "UnauthorizedRequestException");
console.log("ok");
