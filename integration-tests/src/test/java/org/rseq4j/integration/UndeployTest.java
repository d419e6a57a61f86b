// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import jdk.jfr.Recording;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.webapp.Use;

/**
 * A web application that has the library in its own class loader, used everything, closed little, and was undeployed,
 * leaves nothing behind: its loader is collected, no thread of it runs, the container has nothing to warn of.
 */
class UndeployTest {
    private static final int DEPLOYMENTS = Integer.getInteger("rseq4j.deployments", 5);
    private static final int DEPLOYMENTS_OF_EACH = 2;
    /** More than any machine needs: what is unreachable goes with one of the first. */
    private static final int COLLECTIONS = 1000;
    private static final int COLLECTIONS_OF_WHAT_STAYS = 10;

    @TempDir
    private Path work;

    @Test
    void tomcatCollectsEveryUndeployedApplication() throws Exception {
        try (Container tomcat = new TomcatContainer(work)) {
            assertNothingStays(tomcat);
        }
    }

    @Test
    void jettyCollectsEveryUndeployedApplication() throws Exception {
        try (Container jetty = new JettyContainer()) {
            assertNothingStays(jetty);
        }
    }

    /** What an application with a flight recording under way leaves behind: the recorder knows the event classes. */
    @Test
    void tomcatCollectsApplicationsThatWereRecorded() throws Exception {
        try (Recording recording = new Recording(); Container tomcat = new TomcatContainer(work)) {
            for (String event : List.of("Section", "Status", "ThreadWithoutArea", "LockWait", "PoolAcquire",
                    "PoolMisuse")) {
                recording.enable("org.rseq4j." + event).withoutThreshold();
            }
            recording.start();
            assertEquals(0, leftBehind(deployed(tomcat, DEPLOYMENTS_OF_EACH, Use.EVERYTHING), 0, COLLECTIONS));
        }
    }

    /**
     * The control: an application that keeps itself alive is seen to stay, and warned of, and to go when it lets go.
     */
    @Test
    void anApplicationWithAThreadThatStaysStays() throws Exception {
        List<String> warnings = new CopyOnWriteArrayList<>();
        try (Container tomcat = new TomcatContainer(work)) {
            var loaders = collecting(warnings,
                    () -> deployed(tomcat, DEPLOYMENTS_OF_EACH, Use.A_THREAD_THAT_STAYS));
            assertEquals(DEPLOYMENTS_OF_EACH, leftBehind(loaders, 0, COLLECTIONS_OF_WHAT_STAYS));
            assertTrue(warnings.stream().anyMatch(warning -> warning.contains(Use.A_THREAD_THAT_STAYS.name())),
                    warnings::toString);
            threads(Use.A_THREAD_THAT_STAYS.name()).forEach(Thread::interrupt);
            assertEquals(0, leftBehind(loaders, 0, COLLECTIONS));
        }
    }

    private static void assertNothingStays(Container container) throws Exception {
        List<String> warnings = new CopyOnWriteArrayList<>();
        var loaders = collecting(warnings, () -> deployed(container, DEPLOYMENTS, Use.EVERYTHING));
        if (leftBehind(loaders, container.keeps(), COLLECTIONS) > container.keeps()) {
            fail("loaders left behind in " + container + " by each use, also without the library up to "
                    + container.keeps() + ": " + leftBehindByEachUse(container));
        }
        assertEquals(List.of(), warnings, () -> container + " warns");
        for (Thread thread : threads("rseq4j")) {
            thread.join(); // it must end, some time after its application
        }
    }

    private static Map<Use, Integer> leftBehindByEachUse(Container container) throws Exception {
        Map<Use, Integer> leftBehind = new TreeMap<>();
        for (Use use : EnumSet.complementOf(EnumSet.of(Use.A_THREAD_THAT_STAYS))) {
            leftBehind.put(use, leftBehind(deployed(container, DEPLOYMENTS_OF_EACH, use), container.keeps(),
                    COLLECTIONS_OF_WHAT_STAYS));
        }
        return leftBehind;
    }

    private static List<WeakReference<ClassLoader>> deployed(Container container, int deployments, Use use)
            throws Exception {
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < deployments; i++) {
            loaders.add(deployAndUse(container, use));
        }
        return loaders;
    }

    /** How many class loaders are not collected; it stops to look when there are as few as the container keeps. */
    private static int leftBehind(List<WeakReference<ClassLoader>> loaders, int kept, int collections)
            throws InterruptedException {
        int left = loaders.size();
        for (int i = 0; left > kept && i < collections; i++) {
            System.gc(); // what a collection found is unmapped, dequeued and let go by threads, so one is not enough
            Thread.sleep(20);
            left = (int) loaders.stream().filter(loader -> loader.get() != null).count();
        }
        return left;
    }

    private static List<Thread> threads(String part) {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().contains(part)).toList();
    }

    private static WeakReference<ClassLoader> deployAndUse(Container container, Use use) throws Exception {
        ClassLoader loader = container.deploy();
        try {
            assertSame(loader, loader.loadClass("org.rseq4j.Rseq").getClassLoader(),
                    "the library is the application's");
            assertTrue(get(container.port(), use).startsWith(use + " with registration "));
        } finally {
            container.undeploy();
        }
        return new WeakReference<>(loader);
    }

    private static String get(int port, Use use) throws IOException, InterruptedException {
        // A client for each request: what a container keeps of a connection's last request goes with the connection.
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/app/use?what=" + use)).build(),
                    HttpResponse.BodyHandlers.ofString());
            assertEquals(200, answer.statusCode(), answer::body);
            return answer.body();
        }
    }

    /** What something returns, while all that is logged as a warning is put on a list. */
    private static <T> T collecting(List<String> warnings, Callable<T> deployments) throws Exception {
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord event) {
                if (event.getLevel().intValue() >= Level.WARNING.intValue()) {
                    warnings.add(event.getLoggerName() + ": " + event.getMessage() + " "
                            + List.of(event.getParameters() == null ? new Object[0] : event.getParameters()));
                }
            }

            @Override
            public void flush() {
                // nothing is kept back
            }

            @Override
            public void close() {
                // nothing is open
            }
        };
        Logger root = Logger.getLogger("");
        root.addHandler(handler);
        try {
            return deployments.call();
        } finally {
            root.removeHandler(handler);
        }
    }
}
