// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.HdrHistogram.Histogram;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;

/**
 * Threads that borrow a connection for one statement, again and again, and check what it gives.
 */
final class Borrowers {
    /**
     * What a round gave.
     *
     * @param rate statements a second
     * @param failedGets no connection in time
     * @param toGet times to get a connection or to fail, in nanoseconds
     */
    record Round(double rate, long failedGets, Histogram toGet) {
        double micros(double percentile) {
            return toGet.getValueAtPercentile(percentile) / 1e3;
        }
    }

    /**
     * What a round with an outage gave.
     *
     * @param failedStatements on connections that were lent
     * @param failedGets no connection in time
     * @param longestGetMillis the longest time to get one or to fail
     * @param firstMillis from the server's restart to the first statement that was answered
     * @param allMillis from the restart until each thread had an answer
     */
    record Outage(long failedStatements, long failedGets, double longestGetMillis, double firstMillis,
            double allMillis) {
    }

    private static final Duration BEFORE = Duration.ofSeconds(1);

    private final DataSource source;
    private final int threads;
    private final ThreadFactory factory;
    private final PerCpuHistogram toGet = new PerCpuHistogram(TimeUnit.HOURS.toNanos(1), 2);
    private final PerCpuCounter answers = new PerCpuCounter();
    private final PerCpuCounter failedGets = new PerCpuCounter();
    private final PerCpuCounter failedStatements = new PerCpuCounter();
    private final AtomicLong wrong = new AtomicLong();
    private volatile boolean ended;

    Borrowers(DataSource source, int threads, boolean virtual) {
        this.source = source;
        this.threads = threads;
        factory = virtual ? Thread.ofVirtual().factory() : Thread.ofPlatform().factory();
    }

    Round run(Duration time) throws InterruptedException {
        List<Thread> all = start(number -> {
            while (!ended) {
                borrow(number);
            }
        });
        long begun = System.nanoTime();
        Thread.sleep(time);
        ended = true;
        join(all);
        double seconds = (System.nanoTime() - begun) / 1e9;
        if (failedStatements.sum() > 0) {
            throw new AssertionError(failedStatements + " statements failed");
        }
        return new Round(answers.sum() / seconds, failedGets.sum(), toGet.snapshot());
    }

    /** Runs until every thread had an answer after the server's restart. */
    Outage runThroughOutage(H2Server server, Duration time) throws InterruptedException, IOException {
        CountDownLatch restarted = new CountDownLatch(1);
        AtomicLong first = new AtomicLong(Long.MAX_VALUE);
        AtomicLong last = new AtomicLong();
        List<Thread> all = start(number -> {
            boolean answered = false;
            while (!answered) {
                boolean again = restarted.getCount() == 0;
                answered = borrow(number) && again;
            }
            first.accumulateAndGet(System.nanoTime(), Math::min);
            last.accumulateAndGet(System.nanoTime(), Math::max);
        });
        Thread.sleep(BEFORE);
        server.stop();
        Thread.sleep(time);
        server.start();
        long ready = System.nanoTime();
        restarted.countDown();
        join(all);
        return new Outage(failedStatements.sum(), failedGets.sum(), toGet.snapshot().getMaxValue() / 1e6,
                (first.get() - ready) / 1e6, (last.get() - ready) / 1e6);
    }

    private interface Work {
        void run(int number);
    }

    private List<Thread> start(Work work) {
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            Thread thread = factory.newThread(() -> work.run(number));
            thread.start();
            all.add(thread);
        }
        return all;
    }

    private void join(List<Thread> all) throws InterruptedException {
        for (Thread thread : all) {
            thread.join();
        }
        if (wrong.get() > 0) {
            throw new AssertionError(wrong + " wrong answers");
        }
    }

    /** Whether the database answered. */
    private boolean borrow(int number) {
        long begun = System.nanoTime();
        Connection connection;
        try {
            connection = source.getConnection();
        } catch (SQLException e) {
            toGet.record(System.nanoTime() - begun);
            failedGets.increment();
            return false;
        }
        toGet.record(System.nanoTime() - begun);
        try (connection) {
            check(connection, number % H2Server.ACCOUNTS);
            answers.increment();
            return true;
        } catch (SQLException e) {
            failedStatements.increment();
            return false;
        }
    }

    private void check(Connection connection, int account) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SELECT id, balance FROM account WHERE id = ?")) {
            statement.setInt(1, account);
            try (ResultSet result = statement.executeQuery()) {
                if (!result.next() || result.getInt(1) != account || result.getInt(2) != account * H2Server.BALANCE) {
                    wrong.incrementAndGet();
                }
            }
        }
    }
}
