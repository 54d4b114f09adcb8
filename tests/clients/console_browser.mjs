// The console in a real browser: an operator signs in, reads what is loaded, runs a tool by its form and sees the call,
// in a narrow and a wide window, in the light and in the dark; and what a plugin says of itself never becomes markup.
//
// Usage: node console_browser.mjs BASE-URL KEY OUTPUT-FOLDER
//
// The server must have the plugin `hello` (tool `greet`) and a tool that is not read-only. KUMIKO_CHROMIUM names the
// browser's program, KUMIKO_NODE_PACKAGES the folder in whose `node_modules` puppeteer-core lies. Screenshots go to the
// output folder. Needs Node 22.12 or later.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [base, key, output] = process.argv.slice(2);
const packages = process.env.KUMIKO_NODE_PACKAGES;
const program = process.env.KUMIKO_CHROMIUM;
assert(base && key && output, "usage: console_browser.mjs BASE-URL KEY OUTPUT-FOLDER");
assert(packages && program, "KUMIKO_NODE_PACKAGES and KUMIKO_CHROMIUM name the packages' folder and the browser");

const found = createRequire(join(resolve(packages), "package.json")).resolve("puppeteer-core");
const { default: puppeteer } = await import(pathToFileURL(found).href);

const VIEWS = ["plugins", "tools", "calls", "metrics"];
const WINDOWS = [
    { width: 360, height: 740 },
    { width: 1600, height: 950 },
];

/** Markup that leaves a trace if any of it is taken as such. */
const HOSTILE =
    '<img src="x" onerror="window.__pwned=1"><script>window.__pwned=2</script><svg onload="window.__pwned=3">' +
    '"><a href="javascript:window.__pwned=4">';

/** The fields of the console's documents that a plugin, or a caller, writes. */
const WRITTEN = new Set(
    (
        "title description detail summary code message hint caller capability version file signed_by " +
        "imports read write http services"
    ).split(" "),
);

const problems = [];

/** A page of its own session that reports whatever goes wrong in it. */
async function open(browser, { width, height }, scheme) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.evaluateOnNewDocument(() => {
        window.__violations = [];
        document.addEventListener("securitypolicyviolation", (event) => {
            window.__violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
        });
    });
    page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warn") {
            problems.push(`${page.url()}: ${message.text()} (${message.location().url ?? "no place"})`);
        }
    });
    page.on("pageerror", (error) => problems.push(`${page.url()}: ${error.stack ?? error}`));
    return { context, page };
}

/** Waits until `check`, run in the page, answers with something true. */
async function until(page, what, check, ...given) {
    const patience = performance.now() + 20_000;
    for (;;) {
        // A page that is on its way to another one has nothing to ask.
        const answer = await page.evaluate(check, ...given).catch(() => null);
        if (answer) return answer;
        assert(performance.now() < patience, `waited in vain for: ${what}`);
        await new Promise((settle) => setTimeout(settle, 50));
    }
}

function textOf(page, selector) {
    return page.$eval(selector, (node) => node.innerText);
}

async function signIn(page, hash = "") {
    await page.goto(`${base}/console/login${hash}`);
    await page.type("#key", key);
    await page.click("#submit");
    await page.waitForSelector("#view-plugins");
    assert.equal(new URL(page.url()).pathname, "/console");
}

async function show(page, hash) {
    await page.evaluate((wanted) => {
        location.hash = wanted;
    }, hash);
}

/** What must hold of every view: nothing sticks out, each control has a name, nothing was refused by the policy. */
async function sound(page, where) {
    const told = await page.evaluate(() => {
        const visible = (node) => node.getClientRects().length > 0;
        const nameless = [...document.querySelectorAll("button, input, select, textarea, a[href]")].filter((node) => {
            const labels = [...(node.labels ?? [])].map((label) => label.textContent).join("");
            return visible(node) && (node.getAttribute("aria-label") || labels || node.textContent).trim() === "";
        });
        const identifiers = [...document.querySelectorAll("[id]")].map((node) => node.id);
        return {
            beyond: document.scrollingElement.scrollWidth - document.documentElement.clientWidth,
            nameless: nameless.map((node) => node.outerHTML.slice(0, 200)),
            twice: identifiers.filter((one, at) => identifiers.indexOf(one) !== at),
            pictures: [...document.images].filter((image) => image.complete && image.naturalWidth === 0).length,
            violations: window.__violations,
            pwned: window.__pwned ?? null,
        };
    });
    const none = { beyond: 0, nameless: [], twice: [], pictures: 0, violations: [], pwned: null };
    assert.deepEqual(told, none, where);
}

async function aStrangerIsLedToTheLoginPageAndAWrongKeyIsRefused(browser) {
    const { context, page } = await open(browser, WINDOWS[1], "light");
    await page.goto(`${base}/console#metrics`);
    await until(page, "the login page", () => location.pathname === "/console/login");
    await page.waitForSelector("#key");
    await page.type("#key", `${key}-with-more`);
    await page.click("#submit");
    await until(page, "the refusal", () => !document.getElementById("login-error").hidden);
    assert.match(await textOf(page, "#login-error"), /not one of this server's/);
    await page.screenshot({ path: join(output, "refused.png") });
    await page.$eval("#key", (input) => {
        input.value = "";
    });
    await page.type("#key", key);
    await page.click("#submit");
    await until(
        page,
        "the view that was asked for at first",
        () => location.pathname === "/console" && location.hash === "#metrics",
    );
    await page.waitForSelector(".tiles dd");
    assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).concat(Object.keys(sessionStorage))), []);
    assert.equal(await page.evaluate(() => document.cookie), "", "a script can read the session's cookie");

    await page.click("#sign-out");
    await until(page, "the login page", () => location.pathname === "/console/login");
    assert.equal(await page.evaluate(async () => (await fetch("/console/api/state")).status), 401);
    await context.close();
    // The browser reports each answer 401 as an error, and here they were called for.
    const unexpected = problems.filter((problem) => !/status of 401/.test(problem));
    problems.length = 0;
    problems.push(...unexpected);
}

async function thePolicyIsStrict(browser) {
    const { context, page } = await open(browser, WINDOWS[1], "light");
    await signIn(page);
    for (const path of ["/console", "/console/login"]) {
        const answer = await page.goto(`${base}${path}`);
        const policy = answer.headers()["content-security-policy"] ?? "";
        assert.match(policy, /default-src 'none'/, path);
        assert.doesNotMatch(policy, /unsafe|\*/, path);
        const refused = await page.evaluate(() => {
            const script = document.createElement("script");
            try {
                script.textContent = "window.__inline = true";
                document.body.append(script);
            } catch {
                // The policy may refuse the text itself.
            }
            return window.__inline === undefined;
        });
        assert(refused, `${path} runs a script that stands in the page`);
    }
    await context.close();
    problems.length = 0;
}

async function everyViewIsSoundInEveryWindow(browser) {
    for (const size of WINDOWS) {
        for (const scheme of ["light", "dark"]) {
            const { context, page } = await open(browser, size, scheme);
            const picture = (name) => page.screenshot({ path: join(output, `${name}-${size.width}-${scheme}.png`) });
            await page.goto(`${base}/console/login`);
            await sound(page, "login");
            await picture("login");
            await signIn(page);
            await page.waitForSelector(".card");
            for (const view of VIEWS) {
                await show(page, `#${view}`);
                await until(
                    page,
                    `something in ${view}`,
                    (name) => {
                        const place = document.getElementById(`view-${name}`);
                        return (
                            !place.hidden && place.querySelector(".card, .tool-list a, tbody tr, .empty, .tiles dd")
                        );
                    },
                    view,
                );
                await sound(page, `${view} at ${size.width}, ${scheme}`);
                await picture(view);
            }
            await show(page, "#tools/greet");
            await page.waitForSelector("form.arguments");
            await sound(page, `greet at ${size.width}, ${scheme}`);
            await page.reload();
            await page.waitForSelector("form.arguments");
            assert.equal(await textOf(page, ".names code"), "greet", "a reload loses the place");
            const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
            const light = Number(/\d+/.exec(ground)[0]) > 128;
            assert.equal(light, scheme === "light", `the ground is ${ground} in the ${scheme}`);
            await context.close();
        }
    }
}

async function aToolIsRunByItsFormAndTheCallIsSeen(browser, size) {
    const { context, page } = await open(browser, size, "light");
    await signIn(page);
    await page.waitForSelector('.card[aria-label="hello"]');
    assert.match(await textOf(page, '.card[aria-label="hello"]'), /Serving[\s\S]*File[\s\S]*hello[\s\S]*May touch/);

    // By the keyboard alone: to the view, to the search, to the tool.
    await page.focus('nav [data-view="tools"]');
    await page.keyboard.press("Enter");
    await page.waitForSelector(".tool-list a");
    await page.focus("#tool-search");
    await page.keyboard.type("greet");
    await until(page, "the list to be narrowed", () => {
        const names = [...document.querySelectorAll(".tool-list a code:first-child")].map((node) => node.textContent);
        return names.includes("greet") && !names.includes("load_dataset");
    });
    await page.focus('.tool-list a[href="#tools/greet"]');
    await page.keyboard.press("Enter");
    await page.waitForSelector("form.arguments");
    assert.match(
        await textOf(page, ".tool"),
        /Greets somebody by name\.[\s\S]*Reads only|Reads only[\s\S]*Greets somebody by name\./,
    );

    await page.click("form.arguments .primary");
    await until(page, "the complaint", () => document.activeElement.getAttribute("aria-invalid") === "true");
    assert.match(await textOf(page, "form.arguments"), /This is required\./);
    assert.equal(await page.$(".result"), null, "a call was made without a required argument");

    await page.keyboard.type("Ada");
    await page.keyboard.press("Enter");
    await page.waitForSelector(".result");
    assert.match(await textOf(page, ".result"), /Success[\s\S]*in .*m?s[\s\S]*"message": "Hello, Ada!"/);
    await sound(page, "a result");
    await page.screenshot({ path: join(output, `result-${size.width}.png`) });

    // What the form holds goes into the editor, and what only the editor can say the server refuses with a reason.
    await page.evaluate(() =>
        [...document.querySelectorAll("form.arguments .plain")].find((one) => /JSON/.test(one.textContent)).click(),
    );
    assert.deepEqual(JSON.parse(await page.$eval("#arguments-json", (node) => node.value)), { name: "Ada" });
    await page.$eval("#arguments-json", (node) => {
        node.value = '{"name": "Ada", "no_such_argument": 1}';
    });
    await page.click("form.arguments .primary");
    await page.waitForSelector(".result .failure");
    assert.match(await textOf(page, ".result .failure"), /no_such_argument/);
    await sound(page, "a failure");
    await page.screenshot({ path: join(output, `failure-${size.width}.png`) });

    const code = await textOf(page, ".result .failure .code-word");
    await show(page, "#calls?search=greet");
    await until(
        page,
        "both calls",
        (expected) => {
            const rows = [...document.querySelectorAll("table.calls tbody tr")].map((row) => row.innerText);
            const failed = (row) => /Error[\s\S]*greet/.test(row) && row.includes(expected);
            return rows.some((row) => /Success[\s\S]*greet/.test(row)) && rows.some(failed);
        },
        code,
    );
    await page.select("#call-status", "error");
    await until(page, "the errors alone", () => {
        const rows = [...document.querySelectorAll("table.calls tbody tr")];
        return rows.length > 0 && rows.every((row) => row.classList.contains("error"));
    });
    assert.equal(new URL(page.url()).hash, "#calls?search=greet&status=error");
    await sound(page, "the calls");
    await page.screenshot({ path: join(output, `filtered-${size.width}.png`) });
    await context.close();
}

async function aToolThatMayDestroyAsksFirst(browser) {
    const { context, page } = await open(browser, WINDOWS[1], "dark");
    await signIn(page);
    const tool = await page.evaluate(async () => {
        const tools = await (await fetch("/console/api/tools")).json();
        return tools.find((one) => one.annotations?.read_only !== true && one.annotations?.destructive !== false)
            ?.name;
    });
    assert(tool, "the server has no tool that may destroy");
    const calls = [];
    page.on("request", (request) => {
        if (request.url().endsWith("/console/api/call")) calls.push(request.postData());
    });
    await show(page, `#tools/${tool}`);
    await page.waitForSelector("form.arguments");
    await page.evaluate(() =>
        [...document.querySelectorAll("form.arguments .plain")].find((one) => /JSON/.test(one.textContent)).click(),
    );
    await page.$eval("#arguments-json", (node) => {
        node.value = '{"no_such_argument": 1}';
    });
    await page.click("form.arguments .primary");
    await page.waitForSelector("dialog[open]");
    assert.match(await textOf(page, "dialog"), /may overwrite or delete[\s\S]*no_such_argument/);
    assert.equal(
        await page.evaluate(() => document.activeElement.textContent),
        "Cancel",
        "the safe answer has the focus",
    );
    await page.screenshot({ path: join(output, "question.png") });
    await page.keyboard.press("Escape");
    await until(page, "the question to go", () => document.querySelector("dialog[open]") === null);
    assert.deepEqual(calls, [], "a call was made that was not confirmed");
    await page.click("form.arguments .primary");
    await page.waitForSelector("dialog[open]");
    await page.click("dialog .danger");
    await page.waitForSelector(".outcome .failure, .outcome .result");
    assert.deepEqual(
        calls.map((body) => JSON.parse(body)),
        [{ tool, arguments: { no_such_argument: 1 } }],
    );
    await context.close();
}

/** A document of the server in which every text that a plugin writes carries hostile markup. */
function poisoned(value, name = "") {
    if (typeof value === "string") return WRITTEN.has(name) ? value + HOSTILE : value;
    if (Array.isArray(value)) return value.map((entry) => poisoned(entry, name));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([inner, entry]) => [inner, poisoned(entry, inner)]));
}

async function whatAPluginSaysNeverBecomesMarkup(browser, size) {
    const { context, page } = await open(browser, size, "light");
    await signIn(page);
    await page.setRequestInterception(true);
    page.on("request", async (request) => {
        if (!/\/console\/api\/(state|tools|calls)/.test(request.url())) return request.continue();
        // The real answer, as a hostile plugin would have written it.
        const answer = await (await fetch(request.url(), { headers: { "x-api-key": key } })).json();
        return request.respond({ contentType: "application/json", body: JSON.stringify(poisoned(answer)) });
    });
    await page.reload();
    for (const hash of ["#plugins", "#tools", "#tools/greet", "#calls"]) {
        await show(page, hash);
        await until(page, `the markup as text in ${hash}`, () => {
            const place = document.querySelector(".view:not([hidden])");
            return place.innerText.includes("<script>window.__pwned=2</script>");
        });
        await page.evaluate(() =>
            document.querySelectorAll(".view:not([hidden]) details").forEach((one) => {
                one.open = true;
            }),
        );
        await new Promise((settle) => setTimeout(settle, 300));
        await sound(page, `${hash} of a hostile plugin at ${size.width}`);
        const strange = await page.$$eval(
            "main script, main iframe, main [onload], main [onerror], main a[href^='javascript:'], " +
                // Icons are pictures that the server has checked; no other picture comes from a plugin.
                "main img:not(.picture), main img.picture:not([src^='data:image/'])",
            (nodes) => nodes.length,
        );
        assert.equal(strange, 0, `${hash} has elements that a plugin made`);
        await page.screenshot({ path: join(output, `hostile-${hash.replace(/\W/g, "")}-${size.width}.png`) });
    }
    await context.close();
}

await mkdir(output, { recursive: true });
// The sandbox of the browser needs rights that a container does not give; the page under test is our own.
const browser = await puppeteer.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
try {
    await thePolicyIsStrict(browser);
    await aStrangerIsLedToTheLoginPageAndAWrongKeyIsRefused(browser);
    for (const size of WINDOWS) await aToolIsRunByItsFormAndTheCallIsSeen(browser, size);
    await aToolThatMayDestroyAsksFirst(browser);
    for (const size of WINDOWS) await whatAPluginSaysNeverBecomesMarkup(browser, size);
    await everyViewIsSoundInEveryWindow(browser);
    assert.deepEqual(problems, [], "the browser reported errors");
} finally {
    await browser.close();
}
console.log("all checks passed");
