//! What a delete costs as data grows, as a picture.

use std::fmt::Write;

/// One size of the table.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub files: u64,
    /// Microseconds for each delete: of the clock, while 64 connections delete.
    pub time: f64,
    /// The same of the server's CPU, until the bytes are gone.
    pub cpu: f64,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Files to the right, by powers of ten; microseconds upwards, from 0.
pub fn svg(points: &[Point]) -> String {
    let decades = |files: u64| (files.max(1) as f64).log10();
    let first = points.first().map_or(0.0, |point| decades(point.files));
    let last = points.last().map_or(1.0, |point| decades(point.files)).max(first + 1.0);
    let largest = points.iter().flat_map(|point| [point.time, point.cpu]).fold(1.0, f64::max);
    let step = step(largest);
    let top = (largest / step).ceil() * step;
    let x = |files: u64| LEFT + (decades(files) - first) / (last - first) * (WIDTH - LEFT - RIGHT);
    let y = |micros: f64| HEIGHT - BOTTOM - micros / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">Microseconds for a delete, by files in the table</text>\n"
    );
    let mut line = 0.0;
    while line <= top {
        let at = y(line);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{line}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0
        );
        line += step;
    }
    for point in points {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">10<tspan dy=\"-5\" font-size=\"9\">{:.0}</tspan></text>",
            x(point.files),
            HEIGHT - BOTTOM + 20.0,
            decades(point.files)
        );
    }
    type Figure = fn(&Point) -> f64;
    let curves: [(&str, &str, Figure); 2] = [
        ("time, 64 connections, fsync fixed at 3 ms", "#1f77b4", |point| point.time),
        ("CPU of the server until the bytes are gone", "#d62728", |point| point.cpu),
    ];
    for (at, (name, colour, figure)) in curves.into_iter().enumerate() {
        let path: Vec<String> =
            points.iter().map(|point| format!("{:.1},{:.1}", x(point.files), y(figure(point)))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for point in points {
            let (x, y) = (x(point.files), y(figure(point)));
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let left = LEFT + 280.0 * at as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{}\" width=\"10\" height=\"10\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{}\">{name}</text>",
            HEIGHT - 20.0,
            left + 16.0,
            HEIGHT - 11.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A round distance of about a fifth of the whole.
fn step(largest: f64) -> f64 {
    let power = 10_f64.powf((largest / 5.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step * 5.0 >= largest)
        .unwrap_or(power * 10.0)
}
