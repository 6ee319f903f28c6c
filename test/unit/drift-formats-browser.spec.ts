/** The drift report as a page, opened in a real browser. */
import { strict as assert } from "node:assert";
import { load } from "cheerio";
import { render } from "../../cli/drift/formats";
import { open } from "../support/browser";
import { everyKind, fleet, hostile } from "../support/drift-reports";
import { describeWith } from "../support/skip";

describeWith(["chromium"], "the drift report in a browser", () => {
  const image = '<img src="http://elsewhere.invalid/x.png">';
  const policy = /<meta http-equiv="Content-Security-Policy"[^>]*>/;
  const page = (report: typeof everyKind): string => render("html", report, { colour: false });

  it("shows its tables, tiles and drawing, with the style that its policy allows, and asks for nothing", async () => {
    const { dom, requests, complaints } = await open(page(everyKind));
    const document = load(dom);
    assert.equal(document("head > title").text(), "Drift report: Drift");
    assert.equal(document("#drift tbody tr:has(td)").length, 5);
    assert.equal(document(".tile").length, 3);
    assert.equal(document("svg.timeline .mark").length, 3);
    assert.deepEqual({ requests, complaints }, { requests: [], complaints: [] });
  });

  it("shows 200 servers", async () => {
    const { dom, requests, complaints } = await open(page(fleet(200)));
    assert.equal(load(dom)(".tile").length, 200);
    assert.deepEqual({ requests, complaints }, { requests: [], complaints: [] });
  });

  it("makes nothing but text of hostile names", async () => {
    const { dom, requests, complaints } = await open(page(hostile()));
    const document = load(dom);
    assert.equal(document("script, img, b, form, iframe").length, 0);
    assert.ok(document("#drift").text().includes("<script>alert(1)</script>"));
    assert.deepEqual({ requests, complaints }, { requests: [], complaints: [] });
  });

  it("would ask for nothing and run nothing, even if a name were taken for markup", async () => {
    const markup = `${image}<script>document.title = "owned"</script><p style="color: red"></p></main>`;
    const { dom, requests, complaints } = await open(page(everyKind).replace("</main>", markup));
    assert.equal(load(dom)("img").length, 1);
    assert.equal(load(dom)("head > title").text(), "Drift report: Drift");
    assert.deepEqual(requests, []);
    assert.equal(complaints.filter((line) => line.includes("Content Security Policy")).length, 3);
  });

  it("would be seen to ask, if it could", async () => {
    const { requests } = await open(
      page(everyKind).replace(policy, "").replace("</main>", `${image}</main>`),
    );
    assert.deepEqual(requests, ["http://elsewhere.invalid/x.png"]);
  });
});
