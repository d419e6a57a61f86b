// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.executors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.queues.SliceBlockingQueue;

@Tag("java")
class ExecutorsTest {
    /** A program changes an import: what it calls must be there. */
    @Test
    void theJdksMethodsAreThere() {
        Set<String> missing = methods(java.util.concurrent.Executors.class);
        missing.removeAll(methods(Executors.class));
        // of the security manager
        missing.removeIf(method -> method.toLowerCase(java.util.Locale.ROOT).contains("privileged"));
        assertEquals(Set.of(), missing);
    }

    private static Set<String> methods(Class<?> type) {
        return Arrays.stream(type.getMethods())
                .filter(method -> Modifier.isStatic(method.getModifiers())
                        && !method.isAnnotationPresent(Deprecated.class))
                .map(ExecutorsTest::signature).collect(Collectors.toCollection(TreeSet::new));
    }

    private static String signature(Method method) {
        return method.getReturnType().getSimpleName() + " " + method.getName()
                + Arrays.toString(method.getParameterTypes());
    }

    @Test
    void aFixedPoolHasOurQueueAndTheJdksDefaults() throws Exception {
        var ours = assertInstanceOf(ThreadPoolExecutor.class, Executors.newFixedThreadPool(3));
        var theirs = (ThreadPoolExecutor) java.util.concurrent.Executors.newFixedThreadPool(3);
        try {
            assertInstanceOf(SliceBlockingQueue.class, ours.getQueue());
            assertEquals(theirs.getQueue().remainingCapacity(), ours.getQueue().remainingCapacity());
            assertEquals(theirs.getCorePoolSize(), ours.getCorePoolSize());
            assertEquals(theirs.getMaximumPoolSize(), ours.getMaximumPoolSize());
            assertEquals(theirs.getKeepAliveTime(TimeUnit.NANOSECONDS), ours.getKeepAliveTime(TimeUnit.NANOSECONDS));
            assertEquals(theirs.allowsCoreThreadTimeOut(), ours.allowsCoreThreadTimeOut());
            assertEquals(theirs.getRejectedExecutionHandler().getClass(),
                    ours.getRejectedExecutionHandler().getClass());

            List<Future<Integer>> results = new ArrayList<>();
            for (int i = 0; i < 10_000; i++) {
                int result = i;
                results.add(ours.submit(() -> result));
            }
            for (int i = 0; i < results.size(); i++) {
                assertEquals(i, results.get(i).get());
            }
        } finally {
            ours.shutdown();
            theirs.shutdown();
        }
    }

    @Test
    void aSingleThreadRunsTasksInOrder() throws Exception {
        List<Integer> order = new ArrayList<>();
        ExecutorService executor = Executors.newSingleThreadExecutor();
        assertFalse(executor instanceof ThreadPoolExecutor, "it could be made one of more threads");
        for (int i = 0; i < 1000; i++) {
            int number = i;
            executor.execute(() -> order.add(number));
        }
        executor.shutdown();
        assertTrue(executor.awaitTermination(100, TimeUnit.SECONDS));
        assertEquals(java.util.stream.IntStream.range(0, 1000).boxed().toList(), order);
        assertThrows(RejectedExecutionException.class, () -> executor.execute(order::clear));
    }

    @Test
    void shutdownNowReturnsWhatWaited() throws Exception {
        ExecutorService executor = Executors.newFixedThreadPool(1);
        var started = new CountDownLatch(1);
        executor.execute(() -> {
            started.countDown();
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        started.await();
        Runnable waits = () -> {};
        executor.execute(waits);
        assertEquals(List.of(waits), executor.shutdownNow());
        assertTrue(executor.awaitTermination(100, TimeUnit.SECONDS));
    }

    @Test
    void badArgumentsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> Executors.newFixedThreadPool(0));
        assertThrows(NullPointerException.class, () -> Executors.newFixedThreadPool(1, null));
    }
}
