//! Small diagrams side by side, as SVG that reads well on light and dark pages.

use crate::{Axis, Panel};
use std::fmt::Write as _;

const COLUMNS: usize = 2;
const WIDTH: f64 = 470.0;
const HEIGHT: f64 = 300.0;
/// Around the lines of one diagram.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 66.0;
const BOTTOM: f64 = 52.0;

const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #444c56 }
  .title { font-size: 14px; font-weight: 600; fill: #1f2328 }
  .page { fill: #ffffff } .grid { stroke: #d8dee4 } .axis { stroke: #8c959f }
  .line { fill: none; stroke-width: 2 } .end { text-anchor: end } .middle { text-anchor: middle }
  .l0 { stroke: #0969da } .f0 { fill: #0969da } .l1 { stroke: #bc4c00 } .f1 { fill: #bc4c00 }
  .l2 { stroke: #1a7f37 } .f2 { fill: #1a7f37 } .l3 { stroke: #8250df } .f3 { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #adbac7 } .title { fill: #e6edf3 }
    .page { fill: #0d1117 } .grid { stroke: #2a313a } .axis { stroke: #6e7681 }
    .l0 { stroke: #58a6ff } .f0 { fill: #58a6ff } .l1 { stroke: #f0883e } .f1 { fill: #f0883e }
    .l2 { stroke: #3fb950 } .f2 { fill: #3fb950 } .l3 { stroke: #bc8cff } .f3 { fill: #bc8cff }
  }
";

/// From numbers to places along one axis.
struct Scale {
    log: bool,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn new(axis: &Axis, numbers: impl Iterator<Item = f64> + Clone, from_zero: bool) -> Self {
        let low = numbers.clone().fold(f64::MAX, f64::min);
        let high = numbers.fold(f64::MIN, f64::max);
        if axis.log {
            Self::log(low, high)
        } else {
            Self::linear(if from_zero { 0.0 } else { low }, high, !from_zero)
        }
    }

    /// Whole decades, or 1, 2 and 5 of each where there are few.
    fn log(low: f64, high: f64) -> Self {
        let few = high / low < 300.0;
        let steps: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let all: Vec<f64> =
            (-3..10).flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power))).collect();
        let first = all.iter().rposition(|tick| *tick <= low * 1.0001).unwrap_or(0);
        let last = all.iter().position(|tick| *tick >= high * 0.9999).unwrap_or(all.len() - 1);
        let ticks = all[first..=last].to_vec();
        Self { log: true, low: all[first], high: all[last], ticks }
    }

    /// Steps of 1, 2 or 5; `whole` for numbers of things, of which there is room for more ticks.
    fn linear(low: f64, high: f64, whole: bool) -> Self {
        let rough = if whole { ((high - low) / 8.0).max(1.0) } else { (high - low) / 5.0 };
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let low = (low / step).floor() * step;
        let mut ticks = vec![low];
        while let Some(last) = ticks.last().copied().filter(|last| *last < high - step * 0.001) {
            ticks.push(last + step);
        }
        let high = ticks.last().copied().unwrap_or(high);
        Self { log: false, low, high, ticks }
    }

    /// The place of a number, from 0 to 1.
    fn place(&self, number: f64) -> f64 {
        if self.log {
            (number / self.low).ln() / (self.high / self.low).ln()
        } else {
            (number - self.low) / (self.high - self.low)
        }
    }
}

/// 1500 as `1,500`, 0.5 as it is.
fn label(number: f64) -> String {
    if number >= 1e6 {
        return format!("{} M", number / 1e6);
    }
    if number < 1000.0 {
        // Sums of steps such as 0.1 are rounded.
        return format!("{}", (number * 1000.0).round() / 1000.0);
    }
    format!("{},{:03}", (number / 1000.0).floor(), number % 1000.0)
}

/// The whole picture.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let rows = panels.len().div_ceil(COLUMNS);
    let at = |number: usize| f64::from(u32::try_from(number).unwrap());
    let (width, height) = (at(COLUMNS) * WIDTH, at(rows) * HEIGHT);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>What a verification costs, and how that grows</title>\n<style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let (x, y) = (at(number % COLUMNS) * WIDTH, at(number / COLUMNS) * HEIGHT);
        writeln!(out, "<g transform=\"translate({x} {y})\">{}</g>", diagram(panel)).unwrap();
    }
    out + "</svg>\n"
}

fn diagram(panel: &Panel) -> String {
    let points = || panel.lines.iter().flat_map(|line| line.points.iter());
    let x_scale = Scale::new(&panel.x, points().map(|point| point.0), false);
    let y_scale = Scale::new(&panel.y, points().map(|point| point.1), true);
    let x = |number: f64| LEFT + x_scale.place(number) * (WIDTH - LEFT - RIGHT);
    let y = |number: f64| HEIGHT - BOTTOM - y_scale.place(number) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!("\n<text class=\"title\" x=\"{LEFT}\" y=\"24\">{}</text>\n", panel.title);
    for tick in &y_scale.ticks {
        let (right, y) = (WIDTH - RIGHT, y(*tick));
        writeln!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>").unwrap();
        let (x, y) = (LEFT - 8.0, y + 4.0);
        writeln!(out, "<text class=\"end\" x=\"{x}\" y=\"{y:.1}\">{}</text>", label(*tick)).unwrap();
    }
    let base = HEIGHT - BOTTOM;
    writeln!(out, "<path class=\"axis\" d=\"M{LEFT} {base}H{}\"/>", WIDTH - RIGHT).unwrap();
    for tick in &x_scale.ticks {
        let (x, under) = (x(*tick), base + 18.0);
        writeln!(out, "<path class=\"axis\" d=\"M{x:.1} {base}v4\"/>").unwrap();
        writeln!(out, "<text class=\"middle\" x=\"{x:.1}\" y=\"{under}\">{}</text>", label(*tick)).unwrap();
    }
    let (middle, under) = (f64::midpoint(LEFT, WIDTH - RIGHT), HEIGHT - 14.0);
    writeln!(out, "<text class=\"middle\" x=\"{middle}\" y=\"{under}\">{}</text>", panel.x.label).unwrap();
    let (turned, at) = (f64::midpoint(TOP, base), 16.0);
    writeln!(
        out,
        "<text class=\"middle\" transform=\"translate({at} {turned}) rotate(-90)\">{}</text>",
        panel.y.label
    )
    .unwrap();
    out + &lines(panel, x, y)
}

/// The lines, and above them which is which.
fn lines(panel: &Panel, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let mut out = String::new();
    let mut from = LEFT;
    for (number, line) in panel.lines.iter().enumerate() {
        let places: Vec<(f64, f64)> = line.points.iter().map(|point| (x(point.0), y(point.1))).collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        writeln!(out, "<path class=\"line l{number}\" d=\"M{}\"/>", path.join("L")).unwrap();
        for (x, y) in places {
            writeln!(out, "<circle class=\"f{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>").unwrap();
        }
        writeln!(out, "<circle class=\"f{number}\" cx=\"{}\" cy=\"42\" r=\"4\"/>", from + 4.0).unwrap();
        writeln!(out, "<text x=\"{}\" y=\"46\">{}</text>", from + 12.0, line.name).unwrap();
        let letters = f64::from(u32::try_from(line.name.chars().count()).unwrap());
        from += 30.0 + 6.2 * letters;
    }
    out
}
