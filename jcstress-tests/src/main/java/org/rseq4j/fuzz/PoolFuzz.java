// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeoutException;
import org.rseq4j.pools.Lease;
import org.rseq4j.pools.PerCpuPool;

/** A pool that looks for misuse, used and misused in any order by one thread, beside a model of who has what. */
final class PoolFuzz {
    private PoolFuzz() {
    }

    private static final class Item {
        boolean discarded;
    }

    static void run(Input input) throws Exception {
        int[] made = {0};
        int[] discarded = {0};
        int maxSize = input.below(4);
        PerCpuPool.Builder<Item> builder = PerCpuPool.<Item>builder(() -> {
            made[0]++;
            return new Item();
        }).discard(item -> {
            expect(!item.discarded, "an object was discarded twice");
            item.discarded = true;
            discarded[0]++;
        }).capacityPerCpu(1 + input.below(4)).overflow(input.below(4)).detectMisuse(misuse -> {});
        if (maxSize > 0) {
            builder.maxSize(maxSize);
        }
        if (input.below(2) == 0) {
            builder.maxPooled(1 + input.below(8));
        }
        List<Item> held = new ArrayList<>();
        List<Item> released = new ArrayList<>();
        boolean closed = false;
        try (PerCpuPool<Item> pool = builder.build()) {
            for (int steps = 0; !input.isEmpty() && steps < 1000; steps++) {
                int what = input.below(16);
                try {
                    switch (what) {
                        case 0, 1, 2 -> take(held, released, pool.tryAcquire());
                        case 3, 4 -> {
                            if (maxSize == 0 || held.size() < maxSize) {
                                take(held, released, pool.acquire());
                            }
                        }
                        case 5 -> take(held, released, pool.acquire(Duration.ofNanos(1)));
                        case 6, 7, 8, 9 -> {
                            if (!held.isEmpty()) {
                                Item item = held.remove(input.below(held.size()));
                                released.add(item);
                                pool.release(item);
                            }
                        }
                        case 10 -> {
                            if (!held.isEmpty()) {
                                pool.discard(held.remove(input.below(held.size())));
                            }
                        }
                        case 11 -> pool.trim();
                        case 12 -> {
                            if (maxSize == 0 || held.size() < maxSize) {
                                Lease<Item> lease = pool.lease();
                                expect(!held.contains(lease.get()), "an object that is held was leased");
                                lease.close();
                                lease.close();
                                refused(IllegalStateException.class, lease::get);
                            }
                        }
                        default -> closed |= misuse(input, pool, released);
                    }
                } catch (IllegalStateException e) {
                    expect(closed, "not closed, but " + e);
                } catch (TimeoutException e) {
                    expect(maxSize > 0 && held.size() >= maxSize, "it timed out with " + held.size() + " held");
                }
                expect(maxSize == 0 || made[0] - discarded[0] <= maxSize, "more objects exist than may");
                expect(made[0] - discarded[0] == held.size() + pool.size(), "made " + made[0] + ", discarded "
                        + discarded[0] + ", held " + held.size() + ", pooled " + pool.size());
            }
            for (Item item : held) {
                pool.release(item);
            }
        }
        expect(made[0] == discarded[0], "made " + made[0] + ", but discarded " + discarded[0]);
    }

    private static void take(List<Item> held, List<Item> released, Item item) {
        if (item != null) {
            expect(!held.contains(item), "an object that is held was handed out");
            expect(!item.discarded, "a discarded object was handed out");
            released.remove(item);
            held.add(item);
        }
    }

    /** Each is refused as documented and leaves the pool as it was; true when it closed the pool. */
    private static boolean misuse(Input input, PerCpuPool<Item> pool, List<Item> released) {
        switch (input.below(8)) {
            case 0 -> refused(NullPointerException.class, () -> pool.release(null));
            case 1 -> refused(NullPointerException.class, () -> pool.discard(null));
            case 2 -> refused(NullPointerException.class, () -> pool.acquire(null));
            case 3 -> refused(IllegalArgumentException.class, () -> pool.release(new Item()));
            case 4 -> {
                if (!released.isEmpty()) {
                    Item item = released.get(input.below(released.size()));
                    refused(RuntimeException.class, () -> pool.release(item));
                }
            }
            case 5 -> {
                if (input.below(8) == 0) {
                    pool.close();
                    return true;
                }
            }
            case 6 -> expect(pool.statistics().pooled() == pool.size(), "the statistics differ from the size");
            default -> {
                for (Runnable wrong : List.<Runnable>of(() -> PerCpuPool.builder(Item::new).capacityPerCpu(0),
                        () -> PerCpuPool.builder(Item::new).overflow(-1),
                        () -> PerCpuPool.builder(Item::new).maxPooled(0),
                        () -> PerCpuPool.builder(Item::new).maxSize(0),
                        () -> PerCpuPool.builder(Item::new).maxIdleAge(Duration.ZERO))) {
                    refused(IllegalArgumentException.class, wrong::run);
                }
            }
        }
        return false;
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void refused(Class<? extends RuntimeException> with, Action action) {
        try {
            action.run();
        } catch (Exception e) {
            expect(with.isInstance(e) && (e instanceof NullPointerException || e.getMessage() != null),
                    "not refused as documented: " + e);
            return;
        }
        throw new AssertionError("not refused");
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
