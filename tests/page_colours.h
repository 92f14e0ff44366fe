// What a reader sees of a report in a browser: colours as they are computed, and what is laid out at all.
#pragma once

#include <string>

#include "browser_pipe.h"

namespace fftconv::test {

/// Contrast that text of any size needs against its background (WCAG 2.1, 1.4.3).
inline constexpr double text_contrast = 4.5;

/// Of all text that is laid out, by kind: how many pieces, and the least contrast; the page's own two colours'
/// relative luminances; "faint": pieces below text_contrast; "unread": colours of another form than rgb().
inline nlohmann::json colours_of(BrowserPage& page) {
  return page.value(R"((() => {
    const unread = [], faint = [], kinds = {};
    const parse = text => {
      const m = text.match(/^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/);
      if (!m) { unread.push(text); return [0, 0, 0, 0]; }
      return [+m[1], +m[2], +m[3], m[4] === undefined ? 1 : +m[4]];
    };
    const over = (top, below) => [0, 1, 2].map(i => top[3] * top[i] + (1 - top[3]) * below[i]).concat(1);
    const luminance = c => {
      const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a, b) => {
      const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
      return (high + 0.05) / (low + 0.05);
    };
    const background = e => {
      const layers = [];
      for (; e; e = e.parentElement) {
        layers.push(parse(getComputedStyle(e).backgroundColor));
        if (layers.at(-1)[3] === 1) return layers.reduceRight((below, top) => over(top, below));
      }
      unread.push('no opaque background');
      return [0, 0, 0, 1];
    };
    const kind = e => e.closest('svg') ? 'label' : e.closest('a, summary') ? 'link' : e.closest('td, th') ? 'cell' : 'body';
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = walk.nextNode();) {
      const e = node.parentElement;
      if (!node.data.trim() || e.closest('style, script, title, desc')) continue;
      if (!e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true}) || !e.getClientRects().length) continue;
      const style = getComputedStyle(e), below = background(e);
      let ink = parse(e.closest('svg') ? style.fill : style.color);
      for (let up = e; up; up = up.parentElement) ink = ink.slice(0, 3).concat(ink[3] * +getComputedStyle(up).opacity);
      const ratio = contrast(over(ink, below), below), name = kind(e);
      kinds[name] ??= {count: 0, least: 99};
      kinds[name].count += 1;
      kinds[name].least = Math.min(kinds[name].least, ratio);
      if (ratio < 4.5) faint.push(name + ' ' + ratio.toFixed(2) + ': ' + node.data.trim().slice(0, 40));
    }
    const body = getComputedStyle(document.body);
    return {kinds, faint: faint.slice(0, 10), unread: unread.slice(0, 10), paper: luminance(parse(body.backgroundColor)),
            ink: luminance(parse(body.color))};
  })())");
}

/// Body text, cells, links and labels of charts have contrast enough on a screen in light and in the dark, with
/// tables unfolded, and on paper.
inline void check_colours(BrowserPage& page) {
  struct Look {
    const char *media, *scheme;
    bool dark;
  };
  for (const Look& look : {Look{"screen", "light", false}, {"screen", "dark", true}, {"print", "dark", false}}) {
    CAPTURE(look.media);
    CAPTURE(look.scheme);
    page.emulate(look.media, look.scheme);
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)");
    const nlohmann::json colours = colours_of(page);
    CAPTURE(colours.dump());
    CHECK(colours.at("faint").empty());
    CHECK(colours.at("unread").empty());
    for (const char* kind : {"body", "cell", "link", "label"}) {
      CAPTURE(kind);
      REQUIRE(colours.at("kinds").contains(kind));
      CHECK(colours["kinds"][kind]["count"].get<int>() >= 5);
      CHECK(colours["kinds"][kind]["least"].get<double>() >= text_contrast);
    }
    // The medium is the one that was asked for.
    CHECK(colours.at("paper").get<double>() > (look.dark ? 0.0 : 0.9));
    CHECK(colours.at("paper").get<double>() < (look.dark ? 0.05 : 1.01));
    CHECK((colours.at("ink") > colours.at("paper")) == look.dark);
  }
}

/// How many headings, rows of tables and charts are not laid out, and how many there are.
inline nlohmann::json hidden_parts(BrowserPage& page) {
  return page.value(R"((() => {
    const all = s => [...document.querySelectorAll(s)];
    const hidden = s => all(s).filter(e => !e.checkVisibility() || e.getBoundingClientRect().height < 1).length;
    return {sections: hidden('h1, h2, h3'), rows: hidden('tr'), charts: hidden('figure svg'),
            of: all('h1, h2, h3, tr, figure svg').length};
  })())");
}

}  // namespace fftconv::test
