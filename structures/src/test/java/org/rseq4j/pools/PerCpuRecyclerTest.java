// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

class PerCpuRecyclerTest {
    private static final class Request {
        private static final PerCpuRecycler<Request> RECYCLER = PerCpuRecycler.of(Request::new);
        private final PerCpuRecycler.Handle<Request> handle;
        private int users;

        private Request(PerCpuRecycler.Handle<Request> handle) {
            this.handle = handle;
        }

        void end() {
            users--;
            handle.recycle(this);
        }
    }

    @Test
    void recyclesFromAnyThread() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            threads.add(TestThreads.startVirtual(() -> {
                for (int j = 0; j < 100; j++) {
                    Request request = Request.RECYCLER.get();
                    assertEquals(1, ++request.users);
                    request.end();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        PoolStatistics statistics = Request.RECYCLER.statistics();
        assertEquals(10_000, statistics.hits() + statistics.misses());
        assertEquals(statistics.misses(), statistics.pooled() + statistics.drops());
        assertTrue(statistics.hits() > statistics.misses(), statistics::toString);
    }

    @Test
    void refusesBadArguments() {
        assertThrows(NullPointerException.class, () -> PerCpuRecycler.of(null));
        assertThrows(IllegalArgumentException.class, () -> PerCpuRecycler.of(handle -> "", 0));
        assertThrows(NullPointerException.class, () -> PerCpuRecycler.of(handle -> null).get());
        assertThrows(NullPointerException.class,
                () -> PerCpuRecycler.<Handle>of(Handle::new).get().handle.recycle(null));
    }

    private record Handle(PerCpuRecycler.Handle<Handle> handle) {
    }
}
