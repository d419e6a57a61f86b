// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.SQLTransientConnectionException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.rseq4j.pools.PerCpuPool;

/**
 * A {@link DataSource} on a {@link PerCpuPool}: at most so many connections, handed to waiters in the order of arrival.
 *
 * <p>
 * The pool has virtual threads connect, which try again while the database is away. So {@link #getConnection()} keeps
 * its timeout whatever connecting does, and all goes on by itself after an outage.
 *
 * <p>
 * A connection that is given back is rolled back and set to auto-commit. One that the driver closed after an error, or
 * that any other setting was changed of, is closed and replaced. One that was not used for a while is asked whether it
 * is valid; how long that may take is up to the driver.
 */
public final class PooledDataSource implements DataSource, AutoCloseable {
    /** What makes a connection, such as {@code () -> DriverManager.getConnection(url)}. */
    @FunctionalInterface
    public interface Connector {
        Connection connect() throws SQLException;
    }

    /**
     * How a pool behaves.
     *
     * @param size how many connections there are at most
     * @param minIdle how many are made ahead
     * @param timeout how long {@link #getConnection()} waits
     * @param trusted for how long an unused connection is lent without asking whether it is valid
     * @param maxLifetime for how long a connection is lent; a random part of up to a tenth less
     */
    public record Settings(int size, int minIdle, Duration timeout, Duration trusted, Duration maxLifetime) {
        public Settings(int size, Duration timeout) {
            this(size, size, timeout, Duration.ofMillis(500), Duration.ofMinutes(30));
        }
    }

    private static final int VALIDATION_SECONDS = 1;
    private static final long LONGEST_PAUSE_MILLIS = 250;

    private final Connector connector;
    private final Settings settings;
    private final PerCpuPool<Pooled> pool;
    /** Why nobody could connect the last time. */
    private volatile SQLException failure;
    private volatile boolean closed;

    public PooledDataSource(Connector connector, Settings settings) {
        this.connector = connector;
        this.settings = settings;
        pool = PerCpuPool.builder(this::connect).makeOn(Thread::startVirtualThread).maxSize(settings.size)
                .minIdle(settings.minIdle).maxLifetime(settings.maxLifetime, settings.maxLifetime.dividedBy(10))
                .validate(Pooled::isUsable).discard(Pooled::close).discardOn(Thread::startVirtualThread).build();
    }

    /**
     * Lends a connection; its {@code close} gives it back.
     *
     * @throws SQLTransientConnectionException when there was none within the timeout; the cause is why nobody could
     *         connect the last time, or null
     * @throws SQLException when the pool is closed
     */
    @Override
    public Connection getConnection() throws SQLException {
        try {
            return pool.acquire(settings.timeout).lend();
        } catch (TimeoutException e) {
            throw new SQLTransientConnectionException("no connection within " + settings.timeout, "08001", failure);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SQLTransientConnectionException("interrupted while waiting for a connection", "08001", e);
        } catch (IllegalStateException e) {
            throw new SQLException("this data source is closed", "08003", e);
        }
    }

    /** The pool's factory: tries until the database answers, or nobody wants to know. */
    private Pooled connect() {
        for (long pause = 1;; pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS)) {
            try {
                Pooled made = new Pooled(connector.connect());
                failure = null;
                return made;
            } catch (SQLException e) {
                failure = e;
            }
            if (closed) {
                throw new IllegalStateException("closed before there was a connection", failure);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(pause));
        }
    }

    /** Lends no more, and closes all connections, those that are lent when they are given back. */
    @Override
    public void close() {
        closed = true;
        pool.close();
    }

    /**
     * Closes, and waits until all connections are closed.
     *
     * @return whether they are, within the time
     */
    public boolean close(Duration time) throws InterruptedException {
        closed = true;
        return pool.close(time);
    }

    /** A connection. One thread at a time uses it: its borrower, or the pool. */
    final class Pooled {
        private final Connection connection;
        private long usedAt = System.nanoTime();

        Pooled(Connection connection) {
            this.connection = connection;
        }

        /** The pool's validation. */
        boolean isUsable() {
            try {
                return !connection.isClosed() && (System.nanoTime() - usedAt < settings.trusted.toNanos()
                        || connection.isValid(VALIDATION_SECONDS));
            } catch (SQLException e) {
                return false;
            }
        }

        Connection lend() {
            return Loan.of(connection, this::giveBack);
        }

        private void giveBack(boolean changed) {
            if (!changed && isClean()) {
                usedAt = System.nanoTime();
                pool.release(this);
            } else {
                pool.discard(this);
            }
        }

        private boolean isClean() {
            try {
                if (!connection.isClosed() && !connection.getAutoCommit()) {
                    connection.rollback();
                    connection.setAutoCommit(true);
                }
                connection.clearWarnings();
                return !connection.isClosed();
            } catch (SQLException e) {
                return false;
            }
        }

        /** The pool's discard hook, on a thread of its own: another is made when the connection is closed. */
        void close() {
            try {
                connection.close();
            } catch (SQLException e) {
                // it was to be thrown away
            }
        }
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        throw new SQLFeatureNotSupportedException("all connections are of one user");
    }

    @Override
    public int getLoginTimeout() {
        return Math.toIntExact(settings.timeout.toSeconds());
    }

    @Override
    public void setLoginTimeout(int seconds) throws SQLException {
        throw new SQLFeatureNotSupportedException("the timeout is set in the constructor");
    }

    @Override
    public PrintWriter getLogWriter() {
        return null;
    }

    @Override
    public void setLogWriter(PrintWriter out) throws SQLException {
        throw new SQLFeatureNotSupportedException("nothing is logged");
    }

    @Override
    public Logger getParentLogger() throws SQLFeatureNotSupportedException {
        throw new SQLFeatureNotSupportedException("nothing is logged");
    }

    @Override
    public <T> T unwrap(Class<T> type) throws SQLException {
        if (!type.isInstance(this)) {
            throw new SQLException("not a " + type);
        }
        return type.cast(this);
    }

    @Override
    public boolean isWrapperFor(Class<?> type) {
        return type.isInstance(this);
    }
}
