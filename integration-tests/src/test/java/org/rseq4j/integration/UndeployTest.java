// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
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
    private static final int DEPLOYMENTS = 20;
    private static final int DEPLOYMENTS_OF_EACH = 3;
    private static final int COLLECTIONS = 500;

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
            for (String event : List.of("Section", "Status", "LockWait", "PoolMisuse")) {
                recording.enable("org.rseq4j." + event).withoutThreshold();
            }
            recording.start();
            assertEquals(0, leftBehind(tomcat, DEPLOYMENTS_OF_EACH, Use.EVERYTHING, 0));
        }
    }

    private static void assertNothingStays(Container container) throws Exception {
        List<String> warnings = new CopyOnWriteArrayList<>();
        Handler handler = collecting(warnings);
        Logger root = Logger.getLogger("");
        root.addHandler(handler);
        try {
            Map<Use, Integer> leftBehind = new TreeMap<>();
            for (Use use : Use.values()) {
                int deployments = use == Use.EVERYTHING ? DEPLOYMENTS : DEPLOYMENTS_OF_EACH;
                int left = leftBehind(container, deployments, use, container.keeps());
                if (left > container.keeps()) {
                    leftBehind.put(use, left);
                }
            }
            assertEquals(Map.of(), leftBehind, () -> "loaders left behind in " + container
                    + " by each use; also without the library it keeps up to " + container.keeps());
            assertEquals(List.of(), List.copyOf(warnings), () -> container + " warns");
        } finally {
            root.removeHandler(handler);
        }
        assertEquals(List.of(), Thread.getAllStackTraces().keySet().stream().map(Thread::getName)
                .filter(name -> name.contains("rseq4j")).toList());
    }

    /**
     * How many class loaders are not collected after this use; it waits until there are as few as the container keeps.
     */
    private static int leftBehind(Container container, int deployments, Use use, int kept) throws Exception {
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        for (int i = 0; i < deployments; i++) {
            loaders.add(deployAndUse(container, use));
        }
        int left = loaders.size();
        for (int i = 0; left > kept && i < COLLECTIONS; i++) {
            System.gc(); // what a collection found is unmapped, dequeued and let go by threads, so one is not enough
            Thread.sleep(20);
            left = (int) loaders.stream().filter(loader -> loader.get() != null).count();
        }
        return left;
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

    private static Handler collecting(List<String> warnings) {
        return new Handler() {
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
    }
}
