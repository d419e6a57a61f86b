// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.log4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AsyncAppender;
import org.apache.logging.log4j.core.config.Configurator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.stress.TestThreads;

/** Log4j as a user configures it, with its own asynchronous appender. */
@Tag("java")
class SliceBlockingQueueFactoryTest {
    private static final int THREADS = 8;
    private static final int LINES = 2000;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"<SliceBlockingQueue/>", "<SliceBlockingQueue fair=\"true\"/>"})
    void everyLineOfEveryThreadArrivesInItsOrder(String element) throws Exception {
        Path log = folder.resolve("log.txt");
        LoggerContext context = start(log, element);
        try {
            assertInstanceOf(SliceBlockingQueue.class, queue(context));
            Logger logger = context.getLogger("test");
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                int thread = i;
                threads.add(TestThreads.start(() -> {
                    for (int line = 0; line < LINES; line++) {
                        logger.info("{} {}", thread, line);
                    }
                }));
            }
            for (Thread thread : threads) {
                thread.join();
            }
        } finally {
            Configurator.shutdown(context);
        }
        int[] next = new int[THREADS];
        for (String line : Files.readAllLines(log)) {
            int space = line.indexOf(' ');
            assertEquals(next[Integer.parseInt(line.substring(0, space))]++,
                    Integer.parseInt(line.substring(space + 1)));
        }
        for (int lines : next) {
            assertEquals(LINES, lines);
        }
    }

    /** That the assertion above would notice Log4j's own queue. */
    @Test
    void withoutTheElementTheQueueIsLog4js() throws Exception {
        LoggerContext context = start(folder.resolve("log.txt"), "");
        try {
            assertInstanceOf(java.util.concurrent.ArrayBlockingQueue.class, queue(context));
        } finally {
            Configurator.shutdown(context);
        }
    }

    private LoggerContext start(Path log, String element) throws Exception {
        Path configuration = folder.resolve("log4j2.xml");
        Files.writeString(configuration, """
                <Configuration status="WARN">
                  <Appenders>
                    <File name="file" fileName="%s"><PatternLayout pattern="%%m%%n"/></File>
                    <Async name="async" bufferSize="64"><AppenderRef ref="file"/>%s</Async>
                  </Appenders>
                  <Loggers><Root level="info"><AppenderRef ref="async"/></Root></Loggers>
                </Configuration>
                """.formatted(log, element));
        return Configurator.initialize("test", null, configuration.toUri());
    }

    private static Object queue(LoggerContext context) throws ReflectiveOperationException {
        AsyncAppender appender = context.getConfiguration().getAppender("async");
        Field field = AsyncAppender.class.getDeclaredField("queue");
        field.setAccessible(true);
        return field.get(appender);
    }
}
