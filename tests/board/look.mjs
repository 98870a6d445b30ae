// Looks at every page as people do: Chromium with an operator's certificate, in both languages, at a desk, on a phone, on
// paper. Writes screenshots, and fails at a console message, a request that fails, a slow page or a serious finding of axe.
//
// node look.mjs BASE CERTIFICATE KEY OUTPUT NAME=PATH…
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [base, certPath, keyPath, output, ...pages] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SIZES = { desk: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const SLOWEST_MS = 100;
const complaints = [];
mkdirSync(output, { recursive: true });

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
const certificates = [{ origin: new URL(base).origin, certPath, keyPath }];

async function context(size, more = {}) {
  return browser.newContext({
    viewport: SIZES[size],
    deviceScaleFactor: size === "phone" ? 2 : 1,
    ignoreHTTPSErrors: true,
    clientCertificates: certificates,
    ...more,
  });
}

function listened(page, name) {
  page.on("console", (line) => complaints.push(`${name}: console ${line.type()}: ${line.text()}`));
  page.on("pageerror", (error) => complaints.push(`${name}: ${error}`));
  page.on("requestfailed", (request) => {
    // The next page cuts the tab's sign off that the last one still asks for.
    const { errorText } = request.failure() ?? {};
    if (errorText !== "net::ERR_ABORTED") complaints.push(`${name}: ${request.url()} ${errorText}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${name}: ${response.url()} ${response.status()}`);
  });
}

const localised = (path, language) => `${base}${path}${path.includes("?") ? "&" : "?"}lang=${language}`;

// The first requests of a connection pay for its handshake; the best of three is the page's own time.
async function rendered(page, address) {
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const response = await page.goto(address);
    const timing = response.request().timing();
    best = Math.min(best, timing.responseStart - timing.requestStart);
  }
  return best;
}

for (const size of Object.keys(SIZES)) {
  const look = await context(size);
  const page = await look.newPage();
  for (const entry of pages) {
    const [name, path] = [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)];
    for (const language of ["vi", "en"]) {
      const called = `${name}.${language}.${size}`;
      page.removeAllListeners();
      listened(page, called);
      const took = await rendered(page, localised(path, language));
      if (took > SLOWEST_MS) complaints.push(`${called}: ${took.toFixed(1)} ms`);
      const shown = await page.evaluate(() => ({
        language: document.documentElement.lang,
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      }));
      if (shown.language !== language) complaints.push(`${called}: lang is ${shown.language}`);
      if (shown.wide > 0) complaints.push(`${called}: ${shown.wide} px wider than the screen`);
      await page.screenshot({ path: `${output}/${called}.png`, fullPage: true });
      console.log(`${called} ${took.toFixed(1)} ms`);
      if (size === "desk") {
        await page.emulateMedia({ media: "print" });
        await page.pdf({ path: `${output}/${name}.${language}.pdf`, preferCSSPageSize: true, printBackground: true });
        await page.emulateMedia({ media: "screen" });
      }
    }
  }
  await look.close();
  // The policy lets no script in, axe neither: it looks at the same pages with the policy set aside.
  const judged = await context(size, { bypassCSP: true });
  const judge = await judged.newPage();
  for (const entry of pages) {
    const [name, path] = [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)];
    for (const language of ["vi", "en"]) {
      await judge.goto(localised(path, language));
      await judge.evaluate(axe);
      const found = await judge.evaluate(() => axe.run(document));
      for (const one of found.violations.filter((one) => ["serious", "critical"].includes(one.impact))) {
        complaints.push(`${name}.${language}.${size}: axe ${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html).join(" | ")}`);
      }
    }
  }
  await judged.close();
}
await browser.close();
if (complaints.length > 0) {
  console.error(complaints.join("\n"));
  process.exit(1);
}
