//! The page: whole, by itself, and nothing but text of what came from elsewhere.

use tickwire::bench::results::BenchResult;
use tickwire::bench::results::report;

use super::made_up;

pub fn page(result: &BenchResult) -> String {
    let mut out = Vec::new();
    report::write(result, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Tags with their attributes, checked to be nested rightly; and all text between them.
pub fn parse(html: &str) -> (Vec<String>, String) {
    let (mut open, mut tags, mut text) = (Vec::<String>::new(), Vec::new(), String::new());
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a page of HTML");
    while let Some(at) = rest.find('<') {
        let (before, after) = rest.split_at(at);
        assert!(!before.contains('>') || open.last().is_some_and(|tag| tag == "style"), "a stray > in {before:?}");
        text += before;
        let mut quoted = false;
        let end = after
            .find(|c| {
                quoted ^= c == '"';
                c == '>' && !quoted
            })
            .unwrap_or_else(|| panic!("a tag does not end: {:?}", &after[..after.len().min(80)]));
        let tag = &after[1..end];
        rest = &after[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of turn");
            continue;
        }
        tags.push(tag.to_owned());
        let name = tag.split([' ', '/']).next().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag}");
        if name == "style" {
            let end = rest.find("</style>").expect("a style ends");
            rest = &rest[end..];
        }
        if !tag.ends_with('/') && !["meta", "br"].contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, [""; 0], "not closed");
    (tags, text)
}

fn anchors(tags: &[String]) -> Vec<&str> {
    let sections = tags.iter().filter_map(|tag| tag.strip_prefix("section id=\""));
    sections.map(|rest| rest.trim_end_matches('"')).collect()
}

#[test]
fn a_whole_result_has_every_section_and_each_can_be_reached() {
    let html = page(&made_up::with_losses());
    let (tags, text) = parse(&html);
    let sections = ["result", "percentiles", "comparison", "time", "stages", "rate", "sender", "ping-pong", "counts", "machine", "run"];
    assert_eq!(anchors(&tags), sections);
    for section in sections {
        assert!(tags.contains(&format!("a href=\"#{section}\"")), "{section} is not in the contents");
    }
    for words in [
        "The sender fell behind: udp 12.4 % of its datagrams",
        "xdp: 0.81 (",
        "Warning:",
        "cpupower frequency-set --governor performance",
        "✗ not good",
        "? unknown",
        "✓ good",
        "tickwire bench nasdaq-2019-12-30.pcap.gz --feed nasdaq-itch",
        "2026-11-20 13:29:05 UTC",
        "tickwire 0.1.0",
        "dropped: old_session",
        "one stamp costs 11.2 ns",
        "106 / 219",
        "io_uring, multishot",
    ] {
        assert!(text.contains(words), "{words:?} is not on the page");
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    for result in [made_up::with_losses(), made_up::hostile(), made_up::single()] {
        let html = page(&result);
        let (tags, _) = parse(&html);
        for tag in &tags {
            let name = tag.split(' ').next().unwrap();
            assert!(!["script", "link", "img", "iframe", "object", "embed", "base", "form", "image", "use"].contains(&name), "<{tag}>");
            let attributes = tag.split(' ').filter_map(|part| part.split_once("=\""));
            for (attribute, value) in attributes {
                assert!(!attribute.starts_with("on") && attribute != "src", "<{tag}>");
                assert!(attribute != "href" || value.starts_with('#'), "<{tag}> leads out of the page");
            }
        }
        assert!(!html.contains("url(") && !html.contains("@import") && !html.contains("http:") && !html.contains("https:"));
        let policy = "default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;";
        assert!(tags.contains(&format!("meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\"")));
    }
}

#[test]
fn what_comes_from_elsewhere_is_text() {
    let html = page(&made_up::hostile());
    let (tags, text) = parse(&html);
    assert!(!html.contains("<script") && !html.contains("</title><script"), "markup got through");
    assert!(text.contains("&lt;script src=//x.example/a.js&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"));
    assert!(html.chars().all(|c| c == '\n' || !c.is_control()), "a control character");
    assert!(!html.contains('\u{202e}'));
    assert_eq!(anchors(&tags).len(), 11, "and the page is whole");
}

#[test]
fn what_was_not_measured_has_no_section() {
    let sections = |result: &BenchResult| anchors(&parse(&page(result)).0).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(sections(&made_up::frame()), ["result", "machine", "run"]);
    assert_eq!(sections(&made_up::scanty()), ["result", "percentiles", "counts", "machine", "run"]);
    assert!(!sections(&made_up::single()).contains(&"comparison".to_owned()));
    let (_, text) = parse(&page(&made_up::stopped()));
    assert!(text.contains("The run was stopped before its end: these are the results so far."));
    let (_, text) = parse(&page(&made_up::frame()));
    assert!(text.contains("Nothing was measured"));
}

#[test]
fn every_drawing_comes_for_a_page_and_for_a_phone_and_says_what_it_shows() {
    let (tags, _) = parse(&page(&made_up::with_losses()));
    let charts: Vec<&String> = tags.iter().filter(|tag| tag.starts_with("svg class=\"chart")).collect();
    let of = |class: &str| charts.iter().filter(|tag| tag.starts_with(&format!("svg class=\"chart {class}\""))).count();
    // Percentiles, comparison, two over time, shares, histograms and spreads of stages, two of rates, sender, ping-pong.
    assert_eq!((of("wide"), of("narrow")), (11, 11));
    for chart in &charts {
        let says = chart.split_once("aria-label=\"").expect("a label").1;
        assert!(chart.contains("role=\"img\"") && says.len() > 40, "{chart}");
    }
    // Coordinates are within their picture.
    let mut size = (0.0, 0.0);
    for tag in &tags {
        let number = |name: &str| -> Option<f64> { tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0.parse().ok() };
        if let Some((_, view)) = tag.split_once("viewBox=\"0 0 ") {
            let (width, height) = view.split_once('"').unwrap().0.split_once(' ').unwrap();
            size = (width.parse().unwrap(), height.parse().unwrap());
        }
        for (names, most) in [(["x", "x1", "x2", "cx"], size.0), (["y", "y1", "y2", "cy"], size.1)] {
            for at in names.into_iter().filter_map(number).filter(|_| !tag.starts_with("svg")) {
                assert!((0.0..=most).contains(&at), "{at} is not within {most}: <{tag}>");
            }
        }
    }
}

#[test]
fn series_differ_by_more_than_colour() {
    let html = page(&made_up::with_losses());
    let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let dashes: Vec<&str> = style.lines().filter_map(|line| line.split_once("stroke-dasharray:")).map(|(_, dashes)| dashes).collect();
    assert_eq!(dashes.len(), 5, "one line is whole");
    let mut different = dashes.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), 5, "{dashes:?}");
    assert!(style.contains("prefers-color-scheme:dark") && style.contains("@media print"));
    // Round marks of the first, square ones of the second.
    assert!(html.contains("<circle cx") && html.contains("<polygon "));
}

#[test]
fn the_page_is_written_into_a_directory_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = report::write_dir(&made_up::single(), &dir.path().join("a/b")).unwrap();
    assert_eq!(path, dir.path().join("a/b/index.html"));
    assert_eq!(std::fs::read_to_string(path).unwrap(), page(&made_up::single()));
    // What a link there leads to is somebody's: the link is replaced.
    let (elsewhere, linked) = (dir.path().join("elsewhere.html"), dir.path().join("linked"));
    std::fs::write(&elsewhere, "theirs").unwrap();
    std::fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(&elsewhere, linked.join("index.html")).unwrap();
    report::write_dir(&made_up::single(), &linked).unwrap();
    assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "theirs");
    assert_eq!(std::fs::read_to_string(linked.join("index.html")).unwrap(), page(&made_up::single()));
    assert_eq!(std::fs::read_dir(&linked).unwrap().count(), 1, "and nothing else is left there");
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = report::write_dir(&made_up::single(), &file).unwrap_err().to_string();
    assert!(refused.contains("the report could not be written"), "{refused}");
}
