// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.executors;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.queues.SliceBlockingQueue;

/**
 * What {@link java.util.concurrent.Executors} makes, by the same names and with the same defaults, so that a program
 * changes one import. Pools of a fixed number of threads have a {@link SliceBlockingQueue} without a bound in place of
 * the {@link java.util.concurrent.LinkedBlockingQueue}. The others have no queue that could be replaced (a cached pool
 * hands each task to a thread, a scheduled one needs an order by time) and are the JDK's.
 *
 * <p>
 * Guarantees, happens-before, errors, costs, and what happens without rseq are those of {@link ThreadPoolExecutor} and
 * of the queue. As with the JDK's, a queue without a bound grows until the heap is full when tasks come faster than
 * they are done. An executor that a program no longer refers to runs on until it is shut down; the JDK shuts down those
 * of {@code newSingleThreadExecutor} then, which its documentation does not promise.
 *
 * @since 0.1.0
 */
public final class Executors {
    private Executors() {
    }

    /**
     * A pool of a fixed number of threads, which stay until it is shut down.
     *
     * @param threads how many
     * @return a {@link ThreadPoolExecutor}
     * @throws IllegalArgumentException when the number is not positive
     */
    public static ExecutorService newFixedThreadPool(int threads) {
        return newFixedThreadPool(threads, defaultThreadFactory());
    }

    /**
     * A pool of a fixed number of threads, which stay until it is shut down.
     *
     * @param threads how many
     * @param factory makes them
     * @return a {@link ThreadPoolExecutor}
     * @throws IllegalArgumentException when the number is not positive
     * @throws NullPointerException when the factory is null
     */
    public static ExecutorService newFixedThreadPool(int threads, ThreadFactory factory) {
        return new ThreadPoolExecutor(threads, threads, 0, TimeUnit.MILLISECONDS, new SliceBlockingQueue<>(), factory);
    }

    /** {@return an executor of one thread, which runs one task after another; it cannot be made one of more threads} */
    public static ExecutorService newSingleThreadExecutor() {
        return newSingleThreadExecutor(defaultThreadFactory());
    }

    /**
     * An executor of one thread, which runs one task after another; it cannot be made one of more threads.
     *
     * @param factory makes the thread, and another when it ends by an exception
     * @return the executor
     * @throws NullPointerException when the factory is null
     */
    public static ExecutorService newSingleThreadExecutor(ThreadFactory factory) {
        return unconfigurableExecutorService(newFixedThreadPool(1, factory));
    }

    /** {@return the JDK's: threads are made when none is idle, and end after a minute without work} */
    public static ExecutorService newCachedThreadPool() {
        return java.util.concurrent.Executors.newCachedThreadPool();
    }

    /**
     * The JDK's: threads are made when none is idle, and end after a minute without work.
     *
     * @param factory makes the threads
     * @return the executor
     */
    public static ExecutorService newCachedThreadPool(ThreadFactory factory) {
        return java.util.concurrent.Executors.newCachedThreadPool(factory);
    }

    /**
     * The JDK's: a thread for each task.
     *
     * @param factory makes the threads
     * @return the executor
     * @throws UnsupportedOperationException before Java 21
     */
    public static ExecutorService newThreadPerTaskExecutor(ThreadFactory factory) {
        return Threads.perTask(factory);
    }

    /**
     * {@return the JDK's: a virtual thread for each task}
     *
     * @throws UnsupportedOperationException before Java 21
     */
    public static ExecutorService newVirtualThreadPerTaskExecutor() {
        return Threads.virtualPerTask();
    }

    /** {@return the JDK's: as many threads as available processors, each with its own tasks first} */
    public static ExecutorService newWorkStealingPool() {
        return java.util.concurrent.Executors.newWorkStealingPool();
    }

    /**
     * The JDK's: threads each with its own tasks first.
     *
     * @param parallelism how many threads
     * @return the executor
     */
    public static ExecutorService newWorkStealingPool(int parallelism) {
        return java.util.concurrent.Executors.newWorkStealingPool(parallelism);
    }

    /**
     * The JDK's: runs tasks at a time or again and again.
     *
     * @param threads how many threads stay
     * @return the executor
     */
    public static ScheduledExecutorService newScheduledThreadPool(int threads) {
        return java.util.concurrent.Executors.newScheduledThreadPool(threads);
    }

    /**
     * The JDK's: runs tasks at a time or again and again.
     *
     * @param threads how many threads stay
     * @param factory makes them
     * @return the executor
     */
    public static ScheduledExecutorService newScheduledThreadPool(int threads, ThreadFactory factory) {
        return java.util.concurrent.Executors.newScheduledThreadPool(threads, factory);
    }

    /** {@return the JDK's: one thread that runs tasks at a time or again and again} */
    public static ScheduledExecutorService newSingleThreadScheduledExecutor() {
        return java.util.concurrent.Executors.newSingleThreadScheduledExecutor();
    }

    /**
     * The JDK's: one thread that runs tasks at a time or again and again.
     *
     * @param factory makes it
     * @return the executor
     */
    public static ScheduledExecutorService newSingleThreadScheduledExecutor(ThreadFactory factory) {
        return java.util.concurrent.Executors.newSingleThreadScheduledExecutor(factory);
    }

    /**
     * The JDK's: hides what an executor is.
     *
     * @param executor the executor
     * @return one that passes everything on to it
     */
    public static ExecutorService unconfigurableExecutorService(ExecutorService executor) {
        return java.util.concurrent.Executors.unconfigurableExecutorService(executor);
    }

    /**
     * The JDK's: hides what an executor is.
     *
     * @param executor the executor
     * @return one that passes everything on to it
     */
    public static ScheduledExecutorService unconfigurableScheduledExecutorService(ScheduledExecutorService executor) {
        return java.util.concurrent.Executors.unconfigurableScheduledExecutorService(executor);
    }

    /** {@return the JDK's factory of threads that are no daemons} */
    public static ThreadFactory defaultThreadFactory() {
        return java.util.concurrent.Executors.defaultThreadFactory();
    }

    /**
     * The JDK's: a task with a result.
     *
     * @param <T> the type of the result
     * @param task runs
     * @param result the result
     * @return runs the task and returns the result
     */
    public static <T> Callable<T> callable(Runnable task, T result) {
        return java.util.concurrent.Executors.callable(task, result);
    }

    /**
     * The JDK's: a task without a result.
     *
     * @param task runs
     * @return runs the task and returns null
     */
    public static Callable<Object> callable(Runnable task) {
        return java.util.concurrent.Executors.callable(task);
    }
}
