// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;
import org.rseq4j.measure.Result.Extension;

/** The results for people: medians of the rounds with the least and the most. */
final class Table {
    private static final int NAMES = 38;
    private static final int COLUMN = 24;

    private final List<Result> results;
    private final StringBuilder text = new StringBuilder();

    private Table(List<Result> results) {
        this.results = results;
    }

    static String of(List<Result> results) {
        var table = new Table(results);
        for (Family family : Family.values()) {
            table.append(family);
        }
        table.text.append(
                "Medians of the rounds, least and most in brackets; \"no difference\" where two ranges overlap.\n");
        return table.text.toString();
    }

    private void append(Family family) {
        List<Result> all = results.stream().filter(result -> result.contender().family == family).toList();
        if (all.isEmpty()) {
            return;
        }
        List<Integer> threads = all.stream().map(Result::threads).distinct().toList();
        cell(family.title + ", " + family.unit, NAMES, true);
        threads.forEach(count -> cell(count + (count == 1 ? " thread" : " threads"), COLUMN, false));
        text.append('\n');
        List<String> titles = all.stream().map(Result::title).distinct().toList();
        for (String title : titles) {
            row("  " + title, all(all, title), Table::rates);
        }
        compare(all, titles);
        if (family == Family.LOCK) {
            for (String title : titles) {
                row("  preempted, of a million: " + title, all(all, title),
                        result -> share(result, Sample::preempted));
            }
        }
        counts(all, titles);
        text.append('\n');
    }

    private static List<Result> all(List<Result> results, String title) {
        return results.stream().filter(result -> result.title().equals(title)).toList();
    }

    /** This library's first beside the JDK's first, and the extension's use. */
    private void compare(List<Result> all, List<String> titles) {
        Contender ours = all.get(0).contender();
        for (Contender peer : Contender.of(ours.family).stream().filter(Table::isJdks).limit(1).toList()) {
            List<Result> others = all(all, peer.title);
            row("  " + titles.get(0) + " beside " + peer.title, all(all, titles.get(0)),
                    result -> result.comparedWith(sameThreads(others, result)));
        }
        if (ours.family == Family.SECTION) {
            return;
        }
        for (Contender contender : Contender.of(ours.family)) {
            List<Result> off = all(all, contender.title + Extension.OFF.suffix);
            if (!off.isEmpty()) {
                row("  " + contender.title + ", on beside off", all(all, contender.title + Extension.ON.suffix),
                        result -> result.comparedWith(sameThreads(off, result)));
            }
        }
    }

    private static boolean isJdks(Contender contender) {
        return switch (contender) {
            case LONG_ADDER, POOL_BY_ARRAY_BLOCKING_QUEUE, ARRAY_BLOCKING_QUEUE, REENTRANT_LOCK -> true;
            default -> false;
        };
    }

    private static Result sameThreads(List<Result> results, Result as) {
        return results.stream().filter(result -> result.threads() == as.threads()).findFirst().orElseThrow();
    }

    /** How sections ended in which something happened, where the kernel grants extensions. */
    private void counts(List<Result> all, List<String> titles) {
        for (String title : titles) {
            List<Result> some = all(all, title);
            if (some.get(0).extension() == Extension.ON) {
                row("  sections, of a million: " + title, some, result -> share(result, Sample::yielded) + " yielded, "
                        + share(result, Sample::revoked) + " revoked, " + share(result, Sample::interrupted) + " lost");
            }
        }
    }

    private interface Value {
        String of(Result result);
    }

    private void row(String name, List<Result> row, Value value) {
        cell(name, NAMES, true);
        row.forEach(result -> cell(value.of(result), COLUMN, false));
        text.append('\n');
    }

    private void cell(String content, int width, boolean left) {
        String padding = " ".repeat(Math.max(1, width - content.length()));
        text.append(left ? content + padding : padding + content);
    }

    private static String rates(Result result) {
        return number(result.median()) + " (" + number(result.least()) + "-" + number(result.most()) + ")";
    }

    private static String share(Result result, ToLongFunction<Sample> count) {
        return number(result.perMillion(count));
    }

    private static String number(double value) {
        int digits = value >= 100 || value == 0 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
