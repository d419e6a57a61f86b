// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.util.concurrent.EventExecutor;
import java.io.IOException;
import java.io.StringWriter;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.queues.SliceBlockingQueue;

/** What the page of recipes says of an executor's queue, with the code that stands there. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RecipesTest {
    private static final int TASKS = 5_000;

    @TempDir
    private Path classes;
    private URLClassLoader loader;

    @AfterEach
    void close() throws IOException {
        if (loader != null) {
            loader.close();
        }
    }

    /** A class of the page. */
    private Class<?> compiled(String name) throws Exception {
        List<String> found = new ArrayList<>();
        for (Page page : Page.all()) {
            if (page.file.endsWith(Path.of("docs", "recipes.md"))) {
                page.blocks.stream().map(Page.Block::text).filter(text -> text.contains("final class " + name + " "))
                        .forEach(found::add);
            }
        }
        assertEquals(1, found.size(), name);
        var problems = new StringWriter();
        assertTrue(BlockCompiler.compiles(found.get(0), classes, problems), problems::toString);
        loader = new URLClassLoader(new URL[]{classes.toUri().toURL()}, getClass().getClassLoader());
        return loader.loadClass(name);
    }

    private static <T extends AccessibleObject> T accessible(T member) {
        member.setAccessible(true);
        return member;
    }

    /** From several threads at once; returns when all tasks have run. */
    private static void runTasks(Executor executor) throws Exception {
        var ran = new AtomicInteger();
        var done = new CountDownLatch(4 * TASKS);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            var thread = new Thread(() -> {
                for (int j = 0; j < TASKS; j++) {
                    executor.execute(() -> {
                        ran.incrementAndGet();
                        done.countDown();
                    });
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        done.await();
        assertEquals(4 * TASKS, ran.get());
    }

    @Test
    void aThreadPoolRunsOnTheQueue() throws Exception {
        Method start = accessible(compiled("Workers").getDeclaredMethod("start", int.class, int.class));
        var workers = (ThreadPoolExecutor) start.invoke(null, 4, 64);
        try {
            assertInstanceOf(SliceBlockingQueue.class, workers.getQueue());
            runTasks(workers);
        } finally {
            workers.shutdown();
        }
        assertTrue(workers.awaitTermination(100, TimeUnit.SECONDS));
    }

    @Test
    void jettysThreadPoolRunsOnTheQueue() throws Exception {
        var queue = new SliceBlockingQueue<Runnable>(1 << 16);
        var pool = new QueuedThreadPool(8, 8, queue);
        pool.start();
        try {
            runTasks(pool);
            assertTrue(queue.isEmpty());
        } finally {
            pool.stop();
        }
        assertThrows(RejectedExecutionException.class, () -> pool.execute(() -> {}));
    }

    @Test
    void aNettyEventExecutorRunsOnTheQueue() throws Exception {
        Constructor<?> make = accessible(compiled("Events").getDeclaredConstructor(ThreadFactory.class));
        var events = (EventExecutor) make.newInstance((ThreadFactory) Thread::new);
        try {
            runTasks(events);
            assertEquals(7, events.submit(() -> 7).get());
            // It waits for tasks then, and wakes up for one that is due.
            assertEquals(8, events.schedule(() -> 8, 10, TimeUnit.MILLISECONDS).get());
            Thread.sleep(20);
            assertEquals(9, events.submit(() -> 9).get());
        } finally {
            events.shutdownGracefully(0, 100, TimeUnit.SECONDS).sync();
        }
        assertTrue(events.isTerminated());
        assertThrows(RejectedExecutionException.class, () -> events.execute(() -> {}));
    }
}
