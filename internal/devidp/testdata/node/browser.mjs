// A browser for tests: cookies, redirects within the provider, and the forms of
// its pages.

const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#34;": '"', "&#39;": "'", "&#43;": "+" };

function decode(text) {
  return text.replace(/&(amp|lt|gt|quot|#34|#39|#43);/g, (entity) => entities[entity]);
}

function inputs(form) {
  const values = new URLSearchParams();
  for (const [, name, value] of form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)) {
    values.set(decode(name), decode(value));
  }
  return values;
}

export class Browser {
  #cookies = new Map();

  // signIn opens an authorization request, picks a user if asked to, and returns
  // what the browser would bring the client: {url, form}, form only for form_post.
  async signIn(address, username) {
    let page = await this.#load(address);
    if (!page.url) {
      page = await this.#pick(page, username);
    }
    if (!page.url) {
      throw new Error(`signing in led to the page: ${page.html}`);
    }
    return page;
  }

  async deliver({ url, form }) {
    const response = await fetch(url, form ? { method: "POST", body: form } : {});
    if (!response.ok) {
      throw new Error(`the client answered ${response.status}`);
    }
  }

  async approveDevice(address, userCode, username) {
    const page = await this.#load(`${address}?user_code=${encodeURIComponent(userCode)}`);
    const done = await this.#pick(page, username);
    if (!done.html?.includes("You have signed in")) {
      throw new Error(`approving the device led to the page: ${done.html}`);
    }
  }

  async #pick(page, username) {
    const form = page.html.match(/<form method="post" action="([^"]*)" class="people">.*?<\/form>/s);
    const button = form?.[0]
      .match(/<button.*?<\/button>/gs)
      .find((b) => decode(b).includes(`class="username">${username}<`));
    if (!button) {
      throw new Error(`the page offers no user ${username}: ${page.html}`);
    }
    const values = inputs(form[0]);
    values.set("pick", button.match(/value="([^"]*)"/)[1]);
    return this.#load(new URL(decode(form[1]), page.at), values);
  }

  async #load(address, form) {
    const response = await fetch(address, {
      method: form ? "POST" : "GET",
      body: form,
      redirect: "manual",
      headers: { cookie: [...this.#cookies].map(([k, v]) => `${k}=${v}`).join("; ") },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = cookie.match(/^([^=]*)=([^;]*)/);
      this.#cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location) {
      return { url: new URL(location, address) };
    }
    const html = await response.text();
    const post = html.match(/<form method="post" action="([^"]*)" data-submit>.*?<\/form>/s);
    if (post) {
      return { url: new URL(decode(post[1])), form: inputs(post[0]) };
    }
    return { at: response.url, html };
  }
}

// answer returns the parameters that the client receives.
export function answer({ url, form }) {
  return form ?? new URLSearchParams(url.hash ? url.hash.slice(1) : url.search);
}
