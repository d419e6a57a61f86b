// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJJ_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.J_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuSummary;

/** {@link CounterFile}, with the reader that another process would be. A file serves the states of a while. */
public class CounterFileStress {
    /** A file, and how many states used it. */
    private static final class Shared {
        private static final int STATES = 64;

        private static Shared current;

        final CounterFile file;
        /** Never closed, but by the cleaner of its channel: it serves as long as there are states. */
        final CounterFileReader reader;
        private int used;

        private Shared() {
            try {
                Path path = Files.createTempFile("rseq4j-stress", ".counters");
                file = CounterFile.create(path, 2 * STATES, 32 * 1024);
                reader = CounterFileReader.open(path);
                Files.delete(path);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        static synchronized Shared next() {
            if (current == null || current.used == STATES) {
                current = new Shared();
            }
            current.used++;
            return current;
        }
    }

    /** What all states have: a file, and a name in it that is their own. */
    static class Named {
        private static final AtomicLong NAMES = new AtomicLong();

        private final Shared shared = Shared.next();
        final CounterFile file = shared.file;
        final String name = "m" + NAMES.incrementAndGet();

        /** What a reader that opened the file before finds under the name; null when it is not there. */
        CounterFileReader.Value found() throws IOException {
            List<CounterFileReader.Value> values = shared.reader.read();
            return values.stream().filter(value -> value.name().equals(name)).findFirst().orElse(null);
        }
    }

    @JCStressTest
    @Outcome(id = "3, 3", expect = ACCEPTABLE, desc = "both got the same counter")
    @Outcome(expect = FORBIDDEN, desc = "one name was given two counters, or a reader does not find it")
    @State
    public static class RegisterSameCounter extends Named {
        private PerCpuCounter one;
        private PerCpuCounter two;

        @Actor
        public void first() {
            one = file.counter(name, "");
            one.add(1);
        }

        @Actor
        public void second() {
            two = file.counter(name, "");
            two.add(2);
        }

        @Arbiter
        public void after(JJ_Result r) {
            Checked.run(() -> {
                r.r1 = one.sum();
                r.r2 = found() instanceof CounterFileReader.Counter counter ? counter.sum() : -1;
            });
        }
    }

    @JCStressTest
    @Outcome(id = "1, 2, 1", expect = ACCEPTABLE, desc = "each has words of its own")
    @Outcome(expect = FORBIDDEN, desc = "two meters share words")
    @State
    public static class RegisterTwoKinds extends Named {
        private PerCpuSummary summary;
        private org.rseq4j.counters.PerCpuHistogram histogram;

        @Actor
        public void first() {
            summary = file.summary(name + "s", "");
            summary.record(2);
        }

        @Actor
        public void second() {
            histogram = file.histogram(name + "h", "", 15, 0);
            histogram.record(2);
        }

        @Arbiter
        public void after(JJJ_Result r) {
            r.r1 = summary.snapshot().count();
            r.r2 = summary.snapshot().sum();
            r.r3 = histogram.snapshot().getTotalCount();
        }
    }

    @JCStressTest
    @Outcome(id = {"absent", "0", "1",
            "2"}, expect = ACCEPTABLE, desc = "a read before the registration, or while it counts")
    @Outcome(expect = FORBIDDEN, desc = "a reader saw half an entry, or a sum that never was")
    @State
    public static class RegisterRead extends Named {
        @Actor
        public void writer() {
            PerCpuCounter counter = file.counter(name, "");
            counter.add(1);
            counter.add(1);
        }

        @Actor
        public void reader(L_Result r) {
            Checked.run(() -> {
                CounterFileReader.Value found = found();
                if (found == null) {
                    r.r1 = "absent";
                } else if (found instanceof CounterFileReader.Counter counter) {
                    r.r1 = Long.toString(counter.sum());
                } else {
                    r.r1 = "not a counter: " + found;
                }
            });
        }
    }

    @JCStressTest
    @Outcome(id = {"none", "1/5/5/5", "1/7/7/7",
            "2/12/5/7"}, expect = ACCEPTABLE, desc = "a read before, between or after")
    @Outcome(expect = FORBIDDEN, desc = "a reader of the file saw words that do not belong together")
    @State
    public static class RecordRead extends Named {
        private final PerCpuSummary summary = file.summary(name, "");

        @Actor
        public void writer() {
            summary.record(5);
            summary.record(7);
        }

        @Actor
        public void reader(L_Result r) {
            Checked.run(() -> {
                r.r1 = found() instanceof CounterFileReader.Summary found
                        ? PerCpuSummaryStress.text(found.snapshot())
                        : "absent";
            });
        }
    }

    @JCStressTest
    @Outcome(id = {"0", "1"}, expect = ACCEPTABLE, desc = "close -> add, which throws; or add -> close")
    @Outcome(expect = FORBIDDEN, desc = "a counter of a file lost its value when it was closed")
    @State
    public static class AddClose extends Named {
        private final PerCpuCounter counter = file.counter(name, "");
        private boolean added;

        @Actor
        public void adder() {
            try {
                counter.add(1);
                added = true;
            } catch (IllegalStateException closed) {
                added = false;
            }
        }

        @Actor
        public void closer() {
            counter.close();
        }

        @Arbiter
        public void after(J_Result r) {
            Checked.run(() -> {
                long sum = found() instanceof CounterFileReader.Counter found ? found.sum() : -1;
                r.r1 = sum == (added ? 1 : 0) ? sum : -2;
            });
        }
    }

    @JCStressTest
    @Outcome(id = {"absent", "0/1", "5/1", "0/2",
            "7/2"}, expect = ACCEPTABLE, desc = "one of the two counters, or a read when the name had none")
    @Outcome(expect = FORBIDDEN, desc = "a reader mixed two counters that had one name, or saw half an entry")
    @State
    public static class FreeMakeRead extends Named {
        private final PerCpuCounter counter = file.counter(name, "", 1, new byte[]{1});

        @Actor
        public void writer() {
            counter.set(5);
            file.free(counter);
            file.counter(name, "", 2, new byte[]{2}).set(7);
        }

        @Actor
        public void reader(L_Result r) {
            Checked.run(() -> {
                CounterFileReader.Value value = found();
                if (value == null) {
                    r.r1 = "absent";
                } else if (value instanceof CounterFileReader.Counter found) {
                    r.r1 = found.key().get() == found.typeId()
                            ? found.sum() + "/" + found.typeId()
                            : "another's key: " + found;
                } else {
                    r.r1 = "not a counter: " + value;
                }
            });
        }
    }

    @JCStressTest
    @Outcome(id = {"true, false, absent", "false, true, absent"}, expect = ACCEPTABLE, desc = "one of them freed it")
    @Outcome(expect = FORBIDDEN, desc = "both freed it or none, or a reader finds it yet")
    @State
    public static class FreeFree extends Named {
        private final PerCpuCounter counter = file.counter(name, "");
        private boolean first;
        private boolean second;

        @Actor
        public void one() {
            first = file.free(counter);
        }

        @Actor
        public void two() {
            second = file.free(counter);
        }

        @Arbiter
        public void after(L_Result r) {
            Checked.run(() -> {
                r.r1 = first + ", " + second + ", " + (found() == null ? "absent" : "found");
            });
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "free -> add, which throws; or add -> free")
    @Outcome(expect = FORBIDDEN, desc = "an addition to a freed counter came to another, or the name is gone")
    @State
    public static class AddFree extends Named {
        private final PerCpuCounter counter = file.counter(name, "");

        @Actor
        public void adder() {
            try {
                counter.add(1);
            } catch (IllegalStateException closed) {
                return;
            }
        }

        @Actor
        public void freer() {
            file.free(counter);
            file.counter(name, "");
        }

        @Arbiter
        public void after(L_Result r) {
            Checked.run(() -> {
                r.r1 = found() instanceof CounterFileReader.Counter found ? Long.toString(found.sum()) : "gone";
            });
        }
    }
}
