package org.rseq4j.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.rseq4j.SliceExtension;

/**
 * What the kernel's own selftest of slice extensions does (tools/testing/selftests/rseq/slice_test.c), from Java: one thread
 * in short sections, another that takes the CPU away from it, on one CPU.
 */
@org.junit.jupiter.api.Tag("grants")
@EnabledIfEnvironmentVariable(named = "RSEQ4J_VM", matches = "1", disabledReason = "needs the test kernel: bin/vm run --cpus 1")
class GrantsTest {
    private static final int TRIALS = 3;
    private static final int SECONDS = Integer.getInteger("rseq4j.test.seconds", 6);

    private static volatile boolean over;
    private static volatile long sink;

    @BeforeAll
    static void needsOneCpuAndTheExtension() {
        assumeTrue(SliceExtension.isSupported(), "needs the time slice extension");
        assumeTrue(Runtime.getRuntime().availableProcessors() == 1, "needs one CPU, see docs/test-kernel.md");
    }

    @Test
    void interruptedSectionsEndGrantedAndTheKernelCountsTheSame() throws Exception {
        int rounds = calibrate();
        run(rounds, 5); // the JIT's threads starve among busy ones: warm up before measuring
        String busy = "";
        for (int trial = 0; trial < TRIALS; trial++) {
            Map<String, Long> before = Grants.counts();
            SliceExtension.Statistics ours = SliceExtension.statistics();
            run(rounds, SECONDS);
            SliceExtension.Statistics now = SliceExtension.statistics();
            Map<String, Long> after = Grants.counts();
            long yielded = now.yielded() - ours.yielded();
            long revoked = now.revoked() - ours.revoked();
            long interrupted = now.interrupted() - ours.interrupted();
            long all = yielded + revoked + interrupted;
            System.out.printf("sections interrupted %d: yielded %d, revoked %d, scheduled out %d; kernel: %s%n", all,
                    yielded, revoked, interrupted, difference(before, after));
            assertTrue(all > 100, "only " + all + " sections were interrupted");
            assertEquals(after.get("syield") - before.get("syield"), yielded);
            long granted = after.get("sgrant") - before.get("sgrant");
            // A grant that comes and runs out between an end's look at its request and at its grant is not counted.
            long revokedByKernel = after.get("srevok") - before.get("srevok");
            assertTrue(granted >= yielded && granted - revokedByKernel <= all, granted + " grants");
            busy = new Grants(granted, after.get("sexpir") - before.get("sexpir")).hostIsBusy();
            if (busy.isEmpty()) {
                assertTrue(yielded * 100 >= all * 90, "only " + yielded + " of " + all + " ended in a yield");
                return;
            }
        }
        System.out.println("NOT CHECKED, how many ended in a yield: " + busy);
        assumeTrue(false, busy);
    }

    /** Rounds of work that take about 2 us. */
    private static int calibrate() {
        for (int i = 0; i < 20_000; i++) {
            section(10);
        }
        int rounds = 10;
        while (true) {
            long best = Long.MAX_VALUE;
            for (int i = 0; i < 50; i++) {
                long begun = System.nanoTime();
                sink = work(rounds);
                best = Math.min(best, System.nanoTime() - begun);
            }
            if (best > 2000) {
                return rounds;
            }
            rounds += rounds / 4 + 1;
        }
    }

    private static void run(int rounds, int seconds) throws InterruptedException {
        over = false;
        Thread noise = Thread.ofPlatform().daemon().start(() -> {
            while (!over) {
                LockSupport.parkNanos(1_000_000);
                sink = work(rounds * 20);
            }
        });
        Thread worker = Thread.ofPlatform().daemon().start(() -> {
            while (!over) {
                section(rounds);
            }
        });
        Thread.sleep(seconds * 1000L);
        over = true;
        worker.join();
        noise.join();
    }

    private static void section(int rounds) {
        long section = SliceExtension.begin();
        sink = work(rounds);
        SliceExtension.end(section);
    }

    private static long work(int rounds) {
        long x = rounds;
        for (int i = 0; i < rounds; i++) {
            x = x * 6364136223846793005L + 1442695040888963407L;
        }
        return x;
    }

    private static String difference(Map<String, Long> before, Map<String, Long> after) {
        var text = new StringBuilder();
        for (String name : new String[]{"sgrant", "sexpir", "srevok", "syield", "sabort"}) {
            text.append(text.isEmpty() ? "" : ", ").append(name).append(' ').append(after.get(name) - before.get(name));
        }
        return text.toString();
    }
}
