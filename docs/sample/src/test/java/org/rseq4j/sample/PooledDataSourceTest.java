// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.sample.PooledDataSource.Settings;

/** The connection pool, with a database server that is killed now and then. */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PooledDataSourceTest {
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final Duration SHORT = Duration.ofMillis(50);
    private static final Duration NEVER = Duration.ofDays(1);
    private static final int SIZE = 4;

    private H2Server server;
    /** All that were ever made. */
    private final ConcurrentLinkedQueue<Connection> made = new ConcurrentLinkedQueue<>();

    @BeforeEach
    void start() throws IOException {
        server = new H2Server();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Connection connect() throws SQLException {
        Connection connection = server.connect();
        made.add(connection);
        return connection;
    }

    private PooledDataSource pool(int size, Duration timeout) {
        return new PooledDataSource(this::connect, new Settings(size, timeout));
    }

    /** One that asks each connection whether it is valid before it lends it. */
    private PooledDataSource distrustful(int size, Duration timeout) {
        return new PooledDataSource(this::connect, new Settings(size, 0, timeout, Duration.ZERO, NEVER));
    }

    /**
     * The number that the database has under this session's name for it; another user of the session would change it.
     */
    private static int echo(Connection connection, int number) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("SET @number = " + number);
            return ask(statement, "SELECT @number");
        }
    }

    private static int ask(Statement statement, String question) throws SQLException {
        try (ResultSet result = statement.executeQuery(question)) {
            assertTrue(result.next());
            return result.getInt(1);
        }
    }

    private int sessions() throws SQLException {
        try (Connection connection = server.connect(); Statement statement = connection.createStatement()) {
            return ask(statement, "SELECT COUNT(*) FROM INFORMATION_SCHEMA.SESSIONS") - 1;
        }
    }

    private static Connection raw(Connection lent) throws SQLException {
        return lent.unwrap(Connection.class);
    }

    private static List<Connection> all(PooledDataSource pool) throws SQLException {
        List<Connection> lent = new ArrayList<>();
        for (int i = 0; i < SIZE; i++) {
            lent.add(pool.getConnection());
        }
        return lent;
    }

    private static void giveBack(List<Connection> lent) throws SQLException {
        for (Connection connection : lent) {
            connection.close();
        }
    }

    /** Its own threads' tasks are all tried, then the first failure is thrown. */
    private static void inThreads(ThreadFactory factory, int threads, ThrowingTask task) throws Exception {
        try (ExecutorService executor = Executors.newThreadPerTaskExecutor(factory)) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int number = i;
                all.add(executor.submit(() -> {
                    task.run(number);
                    return null;
                }));
            }
            for (Future<?> each : all) {
                each.get();
            }
        }
    }

    private interface ThrowingTask {
        void run(int number) throws Exception;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyStatementIsRightAndNoConnectionIsLentTwice(boolean virtual) throws Exception {
        Set<Connection> lent = ConcurrentHashMap.newKeySet();
        try (PooledDataSource pool = pool(SIZE, LONG)) {
            inThreads(virtual ? Thread.ofVirtual().factory() : Thread.ofPlatform().factory(), 32, number -> {
                for (int i = 0; i < 50; i++) {
                    try (Connection connection = pool.getConnection()) {
                        Connection raw = raw(connection);
                        assertTrue(lent.add(raw), "lent twice");
                        assertTrue(lent.size() <= SIZE, "too many are lent");
                        assertEquals(number * 100 + i, echo(connection, number * 100 + i));
                        lent.remove(raw);
                    }
                }
            });
            giveBack(all(pool));
            assertEquals(SIZE, sessions());
            assertEquals(SIZE, made.size());
        }
    }

    @Test
    void whoFindsNoneFreeFailsInTimeAndOthersGoOn() throws Exception {
        try (PooledDataSource pool = pool(SIZE, SHORT)) {
            List<Connection> lent = patientlyAll(pool);
            SQLException e = assertThrows(SQLTransientConnectionException.class, pool::getConnection);
            assertNull(e.getCause(), "nothing is wrong with the database");
            lent.removeLast().close();
            lent.add(patiently(pool));
            giveBack(lent);
            assertEquals(SIZE, made.size());
        }
    }

    /** Where the timeout is short: until it is in time. */
    private static Connection patiently(PooledDataSource pool) throws SQLException {
        while (true) {
            try {
                return pool.getConnection();
            } catch (SQLTransientConnectionException e) {
                Thread.onSpinWait();
            }
        }
    }

    private static List<Connection> patientlyAll(PooledDataSource pool) throws SQLException {
        List<Connection> lent = new ArrayList<>();
        for (int i = 0; i < SIZE; i++) {
            lent.add(patiently(pool));
        }
        return lent;
    }

    @Test
    void whoWaitsForAConnectThatHangsFailsInTime() throws Exception {
        CountDownLatch hanging = new CountDownLatch(1);
        PooledDataSource.Connector connector = () -> {
            try {
                hanging.await();
            } catch (InterruptedException e) {
                throw new SQLException(e);
            }
            return connect();
        };
        try (PooledDataSource pool = new PooledDataSource(connector, new Settings(1, SHORT))) {
            assertThrows(SQLTransientConnectionException.class, pool::getConnection);
            assertThrows(SQLTransientConnectionException.class, pool::getConnection);
            hanging.countDown();
            try (Connection connection = patiently(pool)) {
                assertEquals(3, echo(connection, 3));
            }
            assertEquals(1, made.size());
        }
    }

    @Test
    void brokenConnectionsAreNotLent() throws Exception {
        try (PooledDataSource pool = distrustful(SIZE, LONG)) {
            giveBack(all(pool));
            List<Connection> broken = List.copyOf(made);
            assertEquals(SIZE, broken.size());
            server.stop();
            server.start();
            List<Connection> lent = all(pool);
            for (Connection connection : lent) {
                assertFalse(broken.contains(raw(connection)));
                assertEquals(5, echo(connection, 5));
            }
            giveBack(lent);
            assertEquals(SIZE, sessions());
        }
    }

    @Test
    void oneThatBreaksWhileItIsLentIsReplaced() throws Exception {
        try (PooledDataSource pool = pool(1, LONG)) {
            Connection connection = pool.getConnection();
            Connection broken = raw(connection);
            server.stop();
            assertThrows(SQLException.class, () -> echo(connection, 1));
            connection.close();
            server.start();
            try (Connection next = pool.getConnection()) {
                assertNotSame(broken, raw(next));
                assertEquals(1, echo(next, 1));
            }
        }
    }

    @Test
    void whileTheDatabaseIsAwayTheFailureToConnectIsTheCause() throws Exception {
        try (PooledDataSource pool = distrustful(1, Duration.ofSeconds(1))) {
            patiently(pool).close();
            server.stop();
            SQLException e = assertThrows(SQLTransientConnectionException.class, pool::getConnection);
            while (e.getCause() == null) { // on a machine that is too busy to try to connect
                e = assertThrows(SQLTransientConnectionException.class, pool::getConnection);
            }
            assertInstanceOf(SQLException.class, e.getCause());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void afterOutagesEveryThreadGoesOn(boolean virtual) throws Exception {
        Set<Connection> lent = ConcurrentHashMap.newKeySet();
        CountDownLatch begun = new CountDownLatch(16);
        CountDownLatch restarted = new CountDownLatch(1);
        try (PooledDataSource pool = pool(SIZE, Duration.ofSeconds(2))) {
            Thread outages = Thread.ofPlatform().start(() -> {
                try {
                    begun.await();
                    for (int i = 0; i < 3; i++) {
                        server.stop();
                        Thread.sleep(100);
                        server.start();
                    }
                } catch (InterruptedException | IOException e) {
                    throw new IllegalStateException(e);
                } finally {
                    restarted.countDown();
                }
            });
            inThreads(virtual ? Thread.ofVirtual().factory() : Thread.ofPlatform().factory(), 16, number -> {
                int left = 20; // after the outages
                for (int i = 0; left > 0; i++) {
                    boolean last = restarted.getCount() == 0;
                    Connection raw = null;
                    try (Connection connection = pool.getConnection()) {
                        raw = raw(connection);
                        assertTrue(lent.add(raw), "lent twice");
                        assertTrue(lent.size() <= SIZE, "too many are lent");
                        assertEquals(number * 100_000 + i, echo(connection, number * 100_000 + i));
                        left -= last ? 1 : 0;
                        lent.remove(raw);
                        raw = null;
                    } catch (SQLException e) {
                        // as long as the database is away, and by what broke then
                        if (raw != null) {
                            lent.remove(raw);
                        }
                    }
                    begun.countDown();
                }
            });
            outages.join();
            assertTrue(sessions() <= SIZE);
            List<Connection> all = patientlyAll(pool);
            for (Connection connection : all) {
                assertEquals(2, echo(connection, 2));
            }
            giveBack(all);
            assertEquals(SIZE, made.stream().filter(connection -> !isClosed(connection)).count());
        }
    }

    private static boolean isClosed(Connection connection) {
        try {
            return connection.isClosed();
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void closingWaitsForWhatIsLentAndClosesAll() throws Exception {
        PooledDataSource pool = pool(SIZE, LONG);
        List<Connection> lent = all(pool);
        assertFalse(pool.close(SHORT));
        assertEquals("this data source is closed", assertThrows(SQLException.class, pool::getConnection).getMessage());
        assertEquals(7, echo(lent.getFirst(), 7)); // the borrower's still
        Thread borrower = Thread.ofPlatform().start(() -> {
            try {
                giveBack(lent);
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        });
        assertTrue(pool.close(LONG));
        borrower.join();
        assertTrue(made.stream().allMatch(PooledDataSourceTest::isClosed));
        while (sessions() > 0) { // the server ends them when it gets to it
            Thread.onSpinWait();
        }
    }

    @Test
    void closingEndsWaitingAndConnecting() throws Exception {
        server.stop();
        PooledDataSource pool = pool(SIZE, LONG);
        List<Throwable> thrown = Collections.synchronizedList(new ArrayList<>());
        List<Thread> waiting = new ArrayList<>();
        for (int i = 0; i < 2 * SIZE; i++) {
            waiting.add(Thread.ofPlatform().start(
                    () -> thrown.add(assertThrows(SQLException.class, pool::getConnection))));
        }
        assertTrue(pool.close(LONG));
        for (Thread thread : waiting) {
            thread.join();
        }
        assertEquals(2 * SIZE, thrown.size());
        assertEquals(0, made.size());
    }

    @Test
    void anOldConnectionIsReplaced() throws Exception {
        Settings shortLived = new Settings(1, 0, LONG, NEVER, Duration.ofMillis(10));
        try (PooledDataSource pool = new PooledDataSource(this::connect, shortLived)) {
            while (made.size() < 3) {
                try (Connection connection = pool.getConnection()) {
                    assertEquals(4, echo(connection, 4));
                }
            }
            assertTrue(sessions() <= 2, "one, and perhaps one that the server has not ended yet");
        }
    }

    @Test
    void connectionsAreMadeAhead() throws Exception {
        try (PooledDataSource pool = pool(SIZE, LONG)) {
            while (made.size() < SIZE) {
                Thread.onSpinWait();
            }
            giveBack(all(pool));
            assertEquals(SIZE, made.size());
        }
    }

    @Test
    void theNextBorrowerSeesNoneOfTheLastOnesTransactionAndSettings() throws Exception {
        try (PooledDataSource pool = pool(1, LONG)) {
            Connection first;
            try (Connection connection = pool.getConnection(); Statement statement = connection.createStatement()) {
                first = raw(connection);
                connection.setAutoCommit(false);
                statement.execute("UPDATE account SET balance = 0");
            }
            try (Connection connection = pool.getConnection(); Statement statement = connection.createStatement()) {
                assertSame(first, raw(connection));
                assertTrue(connection.getAutoCommit());
                assertEquals(H2Server.BALANCE, ask(statement, "SELECT balance FROM account WHERE id = 1"));
                connection.setReadOnly(true);
            }
            try (Connection connection = pool.getConnection()) {
                assertNotSame(first, raw(connection));
            }
        }
    }

    @Test
    void whatWasGivenBackIsOfNoUse() throws Exception {
        try (PooledDataSource pool = pool(2, SHORT)) {
            Connection connection = patiently(pool);
            connection.close();
            connection.close();
            assertTrue(connection.isClosed());
            assertThrows(SQLException.class, connection::createStatement);
            Connection one = patiently(pool);
            Connection other = patiently(pool);
            assertNotSame(raw(one), raw(other));
            assertThrows(SQLTransientConnectionException.class, pool::getConnection); // given back once only
            one.abort(Runnable::run);
            try (Connection next = patiently(pool)) {
                assertEquals(6, echo(next, 6));
            }
            other.close();
        }
    }
}
