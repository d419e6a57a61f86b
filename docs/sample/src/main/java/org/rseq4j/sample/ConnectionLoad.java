// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;
import org.h2.api.ErrorCode;
import org.rseq4j.Rseq;
import org.rseq4j.sample.PooledDataSource.Settings;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The same load on {@link PooledDataSource} and on HikariCP in turn, on a real database, and tables. */
@Command(name = "connections.sh", mixinStandardHelpOptions = true, sortOptions = false, usageHelpAutoWidth = true,
        description = "A connection pool on PerCpuPool beside HikariCP, with H2's server in a process of its own.")
public final class ConnectionLoad extends Comparison {
    @Option(names = "--connections", paramLabel = "N", defaultValue = "10", description = "size of a pool (default: ${DEFAULT-VALUE})")
    private int connections;
    @Option(names = "--threads", paramLabel = "N[,N]", defaultValue = "8,64", split = ",",
            description = "threads that ask for connections (default: ${DEFAULT-VALUE})")
    private List<Integer> threads;
    @Option(names = "--outage", paramLabel = "N", defaultValue = "3",
            description = "seconds that the database is away in a round with an outage (default: ${DEFAULT-VALUE})")
    private int outage;
    @Option(names = "--outages", paramLabel = "N", defaultValue = "3",
            description = "rounds of each pool with an outage (default: ${DEFAULT-VALUE})")
    private int outages;
    @Option(names = "--timeout", paramLabel = "MS", defaultValue = "2000",
            description = "milliseconds to wait for a connection (default: ${DEFAULT-VALUE})")
    private int timeout;

    private static final Set<Integer> BROKEN = Set.of(ErrorCode.OBJECT_CLOSED, ErrorCode.CONNECTION_BROKEN_1,
            ErrorCode.DATABASE_CALLED_AT_SHUTDOWN, ErrorCode.DATABASE_IS_CLOSED);

    /** A pool, which is there for all rounds. */
    private record Pool(String name, DataSource source) {
    }

    private ConnectionLoad() {
        super(5, 1, 3);
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new ConnectionLoad()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        checkRounds();
        check("--connections", connections, 1, 64);
        threads.forEach(count -> check("--threads", count, 1, 100_000));
        check("--outage", outage, 1, 3600);
        check("--outages", outages, 0, 1000);
        check("--timeout", timeout, 250, 3_600_000); // HikariCP's least
        System.out.println(Rseq.status());
        System.out.printf("%n%d connections to H2's server; %d rounds of %d s in turn, after one of %d s.%n", connections,
                rounds, seconds, warmup);
        System.out.println("Medians of the rounds, (lowest to highest). Each statement is prepared, executed and closed, and its result checked.");
        try (H2Server server = new H2Server();
                PooledDataSource ours = new PooledDataSource(server::connect,
                        new Settings(connections, Duration.ofMillis(timeout)));
                HikariDataSource hikari = new HikariDataSource(hikari(server))) {
            List<Pool> pools = List.of(new Pool("PerCpuPool", ours), new Pool("HikariCP", hikari));
            rates(pools);
            if (outages > 0) {
                outages(pools, server);
            }
        }
        return 0;
    }

    /**
     * The size, the timeout and the database are set as ours. HikariCP has to be told H2's codes for a connection that
     * is broken, or it lends one again and again as long as there is load. All else is as it comes.
     */
    private HikariConfig hikari(H2Server server) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(server.url());
        config.setMaximumPoolSize(connections);
        config.setConnectionTimeout(timeout);
        config.setExceptionOverride(new SQLExceptionOverride() {
            @java.lang.Override // the inherited type has the same name
            public Override adjudicate(SQLException e) {
                return BROKEN.contains(e.getErrorCode()) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
            }
        });
        return config;
    }

    private void rates(List<Pool> pools) throws InterruptedException {
        System.out.println();
        System.out.println("| threads | pool | statements/s | to get a connection: p50 us | p99 us | p99.9 us | gets failed, in all |");
        System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
        for (boolean virtual : new boolean[]{false, true}) {
            for (int count : threads) {
                Map<Pool, List<Borrowers.Round>> results = new LinkedHashMap<>();
                for (int round = -1; round < rounds; round++) {
                    for (Pool pool : inTurn(pools, round)) {
                        Borrowers.Round result = new Borrowers(pool.source, count, virtual)
                                .run(Duration.ofSeconds(round < 0 ? warmup : seconds));
                        List<Borrowers.Round> all = results.computeIfAbsent(pool, p -> new ArrayList<>());
                        if (round >= 0) {
                            all.add(result);
                        }
                    }
                }
                for (Pool pool : pools) {
                    List<Borrowers.Round> all = results.get(pool);
                    System.out.printf("| %d %s | %s | %s | %s | %s | %s | %d |%n", count, virtual ? "virtual" : "platform",
                            pool.name, spread("%.0f", all, Borrowers.Round::rate), spread("%.1f", all, r -> r.micros(50)),
                            spread("%.1f", all, r -> r.micros(99)), spread("%.0f", all, r -> r.micros(99.9)),
                            all.stream().mapToLong(Borrowers.Round::failedGets).sum());
                }
            }
        }
    }

    private static List<Pool> inTurn(List<Pool> pools, int round) {
        return round % 2 == 0 ? pools : pools.reversed();
    }

    private void outages(List<Pool> pools, H2Server server) throws Exception {
        int count = threads.getLast();
        System.out.printf("%nOutages: the server is killed, and started again %d s later, under %d platform threads; %d ms to get a connection.%n",
                outage, count, timeout);
        System.out.println("Times after the restart are from when the server is ready.");
        System.out.println();
        System.out.println("| pool | statements failed | gets failed | longest get ms | first answer after ms | each thread has one after ms |");
        System.out.println("| --- | --- | --- | --- | --- | --- |");
        Map<Pool, List<Borrowers.Outage>> results = new LinkedHashMap<>();
        for (int round = 0; round < outages; round++) {
            for (Pool pool : inTurn(pools, round)) {
                Borrowers borrowers = new Borrowers(pool.source, count, false);
                results.computeIfAbsent(pool, p -> new ArrayList<>())
                        .add(borrowers.runThroughOutage(server, Duration.ofSeconds(outage)));
            }
        }
        for (Pool pool : pools) {
            List<Borrowers.Outage> all = results.get(pool);
            System.out.printf("| %s | %s | %s | %s | %s | %s |%n", pool.name,
                    spread("%.0f", all, Borrowers.Outage::failedStatements), spread("%.0f", all, Borrowers.Outage::failedGets),
                    spread("%.0f", all, Borrowers.Outage::longestGetMillis), spread("%.0f", all, Borrowers.Outage::firstMillis),
                    spread("%.0f", all, Borrowers.Outage::allMillis));
        }
    }
}
