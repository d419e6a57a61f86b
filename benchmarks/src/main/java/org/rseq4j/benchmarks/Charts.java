// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.awt.Font;
import java.awt.GraphicsEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries.CategorySeriesRenderStyle;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.internal.chartpart.Chart;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws results as SVG. */
public final class Charts {
    public static final String NO_FONT = "charts need a font and fontconfig, which bin/setup installs";
    private static final int WIDTH = 900;
    private static final int HEIGHT = 480;
    private static final Pattern FRACTION = Pattern.compile("(\\d\\.\\d)\\d+");
    private static final Pattern CLIP = Pattern.compile("clip-?\\d+");

    private Charts() {
    }

    /** {@return whether this system has a font: the JDK, which draws the letters, needs one and fontconfig} */
    public static boolean canDraw() {
        try {
            return GraphicsEnvironment.getLocalGraphicsEnvironment().getAvailableFontFamilyNames().length > 0
                    && new Font(Font.SANS_SERIF, Font.PLAIN, 12).canDisplay('a');
        } catch (RuntimeException | LinkageError | InternalError e) {
            return false;
        }
    }

    /** A line with its points. */
    public record Line(String name, Map<Double, Double> points, boolean ours) {
    }

    /** Throughput against the number of threads, both on logarithmic axes. */
    static void throughput(Path file, String title, List<Result> results) throws IOException {
        Map<String, Map<Double, Double>> points = new LinkedHashMap<>();
        for (Result result : results) {
            points.computeIfAbsent(result.contender(), name -> new TreeMap<>()).put((double) result.threads(),
                    result.spread().median() / 1e6);
        }
        List<Line> lines = points.entrySet().stream()
                .map(entry -> new Line(entry.getKey(), entry.getValue(), entry.getKey().contains("rseq4j"))).toList();
        lines(file, title, "threads", "million operations a second", lines);
    }

    /**
     * Lines over a logarithmic axis, or two where the points span more than a decade; ours thick, only what is
     * positive.
     */
    public static void lines(Path file, String title, String x, String y, List<Line> lines) throws IOException {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(x).yAxisTitle(y)
                .build();
        var xRange = lines.stream().flatMap(line -> line.points.keySet().stream())
                .mapToDouble(Double::doubleValue).summaryStatistics();
        chart.getStyler().setXAxisLogarithmic(xRange.getMax() > 10 * xRange.getMin()).setYAxisLogarithmic(true);
        style(chart.getStyler());
        for (Line line : lines) {
            var xs = new ArrayList<Double>();
            var ys = new ArrayList<Double>();
            line.points.forEach((at, value) -> {
                if (value > 0) {
                    xs.add(at);
                    ys.add(value);
                }
            });
            if (!xs.isEmpty()) {
                var series = chart.addSeries(line.name, xs, ys);
                series.setMarker(line.ours ? SeriesMarkers.DIAMOND : SeriesMarkers.CIRCLE);
                series.setLineWidth(line.ours ? 3f : 1.2f);
            }
        }
        save(chart, file);
    }

    /** The percentiles of a latency for one number of threads, on a logarithmic axis. */
    static void percentiles(Path file, String title, String metric, List<Result> results) throws IOException {
        var percentiles = new ArrayList<String>();
        for (String percentile : List.of("p50", "p90", "p99", "p99.9", "p99.99", "p100")) {
            if (results.stream().allMatch(result -> result.secondary().containsKey(metric + " " + percentile))) {
                percentiles.add(percentile);
            }
        }
        Map<String, List<Double>> values = new LinkedHashMap<>();
        for (Result result : results) {
            values.put(result.contender(), percentiles.stream().map(percentile -> Math.max(1,
                    result.secondary().get(metric + " " + percentile).spread().median())).toList());
        }
        categories(file, title, "", "nanoseconds", percentiles, values, true);
    }

    /** Bars by the number of threads. */
    static void bars(Path file, String title, String y, List<Result> results) throws IOException {
        var counts = new TreeSet<Integer>();
        results.forEach(result -> counts.add(result.threads()));
        Map<String, List<Double>> values = new LinkedHashMap<>();
        for (Result result : results) {
            values.computeIfAbsent(result.contender(), name -> new ArrayList<>());
        }
        values.forEach((name, list) -> counts.forEach(count -> list.add(
                results.stream().filter(result -> result.contender().equals(name) && result.threads() == count)
                        .findFirst().map(result -> result.spread().median() / 1e6).orElse(0.0))));
        categories(file, title, "threads", y, counts.stream().map(String::valueOf).toList(), values, false);
    }

    /** Bars for multiples, on a logarithmic axis. */
    static void factors(Path file, String title, List<String> names, Map<String, List<Double>> values)
            throws IOException {
        CategoryChart chart = new CategoryChartBuilder().width(WIDTH).height(HEIGHT + 120).title(title).xAxisTitle("")
                .yAxisTitle("times, 1: the same").build();
        double least = values.values().stream().flatMap(List::stream).mapToDouble(Double::doubleValue).min().orElse(1);
        double most = values.values().stream().flatMap(List::stream).mapToDouble(Double::doubleValue).max().orElse(1);
        chart.getStyler().setYAxisMin(Math.min(0.5, least / 1.5)).setYAxisMax(Math.max(2, most * 1.5));
        chart.getStyler().setYAxisLogarithmic(true).setXAxisLabelRotation(35);
        chart.getStyler().setAvailableSpaceFill(0.8);
        chart.getStyler().setLabelsVisible(true).setLabelsPosition(0.98);
        style(chart.getStyler());
        chart.getStyler().setDecimalPattern("0.0#");
        values.forEach((name, list) -> chart.addSeries(name, names, list));
        save(chart, file);
    }

    private static void categories(Path file, String title, String x, String y, List<String> names,
            Map<String, List<Double>> values, boolean logarithmic) throws IOException {
        CategoryChart chart = new CategoryChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(x)
                .yAxisTitle(y).build();
        chart.getStyler().setYAxisLogarithmic(logarithmic);
        chart.getStyler().setAvailableSpaceFill(0.8);
        if (logarithmic) { // bars would begin at 0
            chart.getStyler().setDefaultSeriesRenderStyle(CategorySeriesRenderStyle.Line);
        }
        style(chart.getStyler());
        values.forEach((name, list) -> {
            var series = chart.addSeries(name, names, list);
            series.setMarker(name.contains("rseq4j") ? SeriesMarkers.DIAMOND : SeriesMarkers.CIRCLE);
            series.setLineWidth(name.contains("rseq4j") ? 3f : 1.2f);
        });
        save(chart, file);
    }

    private static void style(Styler styler) {
        styler.setLegendPosition(LegendPosition.OutsideE);
        styler.setChartBackgroundColor(java.awt.Color.WHITE);
    }

    private static void save(Chart<?, ?> chart, Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        VectorGraphicsEncoder.saveVectorGraphic(chart, file.toString(), VectorGraphicsFormat.SVG);
        // Letters come as outlines: a tenth of a pixel will do. Names of clip paths are chance, so they get numbers.
        String svg = FRACTION.matcher(Files.readString(file)).replaceAll("$1");
        Map<String, String> names = new HashMap<>();
        Files.writeString(file, CLIP.matcher(svg)
                .replaceAll(name -> names.computeIfAbsent(name.group(), chance -> "clip" + names.size())));
    }
}
