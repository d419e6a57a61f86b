// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuMetrics;

/** A histogram that is bound to a Micrometer registry and removed from it again: it has all of it, or nothing. */
final class BindingSubject extends Subject {
    private final MeterRegistry registry = new SimpleMeterRegistry();
    private final PerCpuHistogram histogram = new PerCpuHistogram(1000, 2);
    private PerCpuMetrics.Binding binding;
    /** How many values there are at least, and at most. */
    private long ended;
    private long begun;
    /** A count that nobody asks for. */
    volatile double seen;

    BindingSubject() {
        super("bind", "record", "read", "record", "close", "bind", "record", "read");
    }

    @Override
    void run(int operation) {
        switch (operation(operation)) {
            case "bind" -> {
                if (binding == null) {
                    binding = PerCpuMetrics.summary(histogram, "n", "").withBuckets(10);
                    binding.bindTo(registry);
                }
            }
            case "record" -> {
                begun++;
                histogram.record(1);
                ended++;
            }
            case "read" -> seen = read();
            default -> {
                if (binding != null) {
                    binding.close();
                    binding = null;
                }
            }
        }
    }

    /** -1 where the registry has no such meter. */
    private double read() {
        FunctionCounter count = registry.find("n.count").functionCounter();
        return count == null ? -1 : count.count();
    }

    @Override
    void others() {
        begun++;
        histogram.record(1);
        ended++;
    }

    @Override
    void waiters() {
        seen = read();
    }

    @Override
    String check() {
        if (binding != null) {
            String wrong = wrong();
            binding.close();
            if (wrong != null) {
                return wrong;
            }
        }
        if (!registry.getMeters().isEmpty()) {
            return "the registry has " + registry.getMeters() + " of a binding that is closed";
        }
        binding = PerCpuMetrics.summary(histogram, "n", "").withBuckets(10);
        binding.bindTo(registry);
        String wrong = registry.getMeters().size() < 8 ? "the registry has " + registry.getMeters() : wrong();
        binding.close();
        return wrong;
    }

    private String wrong() {
        seen = read();
        double count = read(); // the second time it is taken anew
        return count >= 0 && (count < ended || count > begun)
                ? "the registry shows " + count + " values of " + ended + " to " + begun
                : null;
    }
}
