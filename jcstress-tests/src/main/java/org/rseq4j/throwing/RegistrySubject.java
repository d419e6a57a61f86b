// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.snapshots.DuplicateLabelsException;
import java.util.concurrent.TimeUnit;

/** Timers and summaries of a registry for Prometheus, made, used and removed: a scrape has all of one, or nothing. */
final class RegistrySubject extends Subject {
    private static final int METERS = 4;

    private final PrometheusMeterRegistry registry;
    private final String[] names = new String[METERS];
    private final Timer[] timers = new Timer[METERS];
    private final DistributionSummary[] summaries = new DistributionSummary[METERS];
    /** How many values each has at least, and at most. */
    private final long[] ended = new long[METERS];
    private final long[] begun = new long[METERS];
    private int at;
    /** A text that nobody asks for. */
    volatile String seen;

    RegistrySubject(PrometheusMeterRegistry registry) {
        super("make", "record", "record", "scrape", "remove", "make", "next", "record");
        this.registry = registry;
        for (int i = 0; i < METERS; i++) {
            names[i] = "n" + i;
        }
    }

    @Override
    void run(int operation) {
        switch (operation(operation)) {
            case "make" -> {
                if (timers[at] == null) {
                    timers[at] = registry.timer(names[at], "kind", "time");
                }
                if (summaries[at] == null) {
                    summaries[at] = registry.summary(names[at] + ".size", "kind", "size");
                }
            }
            case "record" -> {
                if (timers[at] != null && summaries[at] != null) {
                    begun[at]++;
                    timers[at].record(1, TimeUnit.SECONDS);
                    summaries[at].record(1);
                    ended[at]++;
                }
            }
            case "scrape" -> seen = registry.scrape();
            case "remove" -> {
                Timer timer = timers[at];
                DistributionSummary summary = summaries[at];
                if (timer != null && summary != null && at % 2 == 0) {
                    timers[at] = null;
                    summaries[at] = null;
                    ended[at] = 0;
                    registry.remove(timer); // when that throws both may be there yet
                    registry.remove(summary);
                    begun[at] = 0;
                }
            }
            default -> at = (at + 1) % METERS;
        }
    }

    @Override
    void waiters() {
        try {
            seen = registry.scrape();
        } catch (DuplicateLabelsException e) {
            seen = registry.scrape(); // as documented: meanwhile a meter was replaced
        }
    }

    @Override
    String check() {
        for (int i = 0; i < METERS; i++) {
            long times = registry.timer(names[i], "kind", "time").count();
            long sizes = registry.summary(names[i] + ".size", "kind", "size").count();
            if (times < ended[i] || times > begun[i] || sizes < ended[i] || sizes > begun[i]) {
                return names[i] + " has " + times + " times and " + sizes + " sizes of " + ended[i] + " to " + begun[i];
            }
            registry.timer(names[i], "kind", "time").record(1, TimeUnit.SECONDS);
            String line = names[i] + "_seconds_count{kind=\"time\"} " + (times + 1);
            String maximum = names[i] + "_seconds_max{kind=\"time\"} 1.0";
            String text = registry.scrape();
            if (!text.contains(line) || !text.contains(maximum)) {
                return "no " + line + " or no " + maximum + " in " + text;
            }
        }
        registry.clear();
        return registry.scrape().isEmpty() ? null : "nothing is left but " + registry.scrape();
    }
}
