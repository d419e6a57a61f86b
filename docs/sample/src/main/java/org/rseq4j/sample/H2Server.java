// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.ThreadLocalRandom;
import org.h2.tools.Server;

/**
 * The database server of <a href="https://h2database.com">H2</a> in a process of its own, which can be killed and
 * started again. Its database is in memory: accounts from 0 to 999, each with a balance of 7 times its number.
 */
final class H2Server implements AutoCloseable {
    static final int ACCOUNTS = 1000;
    static final int BALANCE = 7;

    private final int port;
    private Process process;

    H2Server() throws IOException {
        port = freePort();
        start();
    }

    /** Not one of those that the system gives to clients: a client could then connect to itself during an outage. */
    private static int freePort() throws IOException {
        for (int tries = 0; tries < 100; tries++) {
            int port = ThreadLocalRandom.current().nextInt(20_000, 30_000);
            try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                // somebody else's
            }
        }
        throw new IOException("no port is free");
    }

    /** Returns when it can be connected to. */
    void start() throws IOException {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        process = new ProcessBuilder(java.toString(), "-Xmx256m", "-cp",
                origin(H2Server.class) + System.getProperty("path.separator") + origin(Server.class),
                H2Server.class.getName(), Integer.toString(port))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String line = process.inputReader(StandardCharsets.US_ASCII).readLine();
        if (!"ready".equals(line)) {
            stop();
            throw new IOException("the database server says " + line);
        }
    }

    private static Path origin(Class<?> type) {
        try {
            return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Kills it, with all that is in its database. */
    void stop() {
        process.destroyForcibly();
        boolean interrupted = false;
        while (process.isAlive()) {
            try {
                process.waitFor();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        stop();
    }

    String url() {
        return "jdbc:h2:tcp://localhost:" + port + "/mem:sample;USER=sa";
    }

    Connection connect() throws SQLException {
        return DriverManager.getConnection(url());
    }

    /** The server's process, which ends with the one that started it. */
    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:h2:mem:sample;USER=sa;DB_CLOSE_DELAY=-1");
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE account (id INT PRIMARY KEY, balance INT) AS SELECT x, x * " + BALANCE
                    + " FROM SYSTEM_RANGE(0, " + (ACCOUNTS - 1) + ")");
        }
        Server.createTcpServer("-tcpPort", arguments[0]).start();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            // nothing is said
        }
        System.exit(0);
    }
}
