// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AsyncAppender;
import org.apache.logging.log4j.core.appender.CountingNoOpAppender;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.xml.XmlConfiguration;

/**
 * Log4j's asynchronous appender on one queue or another: all threads log, and a thread of Log4j's passes the events on.
 * As {@code logging} they are counted only; as {@code logging-file} they are formatted and written to /dev/null as
 * well. Who finds the queue full waits. One call in 16 is timed.
 */
final class LoggingSuite implements Suite {
    private static final int CAPACITY = Integer.getInteger("rseq4j.bench.capacity", 1024);
    private static final int BATCH = 16;
    private static final String CONFIGURATION = """
            <Configuration status="WARN" shutdownHook="disable">
              <Appenders>
                <CountingNoOp name="count"/>
                <File name="file" fileName="/dev/null" immediateFlush="false">
                  <PatternLayout pattern="%%d %%p [%%t] %%c %%m%%n"/>
                </File>
                <Async name="async" bufferSize="%d">
                  <AppenderRef ref="count"/>
                  %s
                  %s
                </Async>
              </Appenders>
              <Loggers>
                <Root level="INFO"><AppenderRef ref="async"/></Root>
              </Loggers>
            </Configuration>
            """;

    private final boolean isWritten;

    LoggingSuite(boolean isWritten) {
        this.isWritten = isWritten;
    }

    @Override
    public String name() {
        return isWritten ? "logging-file" : "logging";
    }

    @Override
    public int operationsTimed() {
        return BATCH;
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        add(contenders, "rseq4j SliceBlockingQueue", "<SliceBlockingQueue/>", "SliceBlockingQueue");
        add(contenders, "rseq4j SliceBlockingQueue fair", "<SliceBlockingQueue fair=\"true\"/>", "SliceBlockingQueue");
        add(contenders, "ArrayBlockingQueue", "<ArrayBlockingQueue/>", "ArrayBlockingQueue");
        add(contenders, "JCTools MpscArrayQueue", "<JCToolsBlockingQueue/>", "MpscBlockingQueue");
        add(contenders, "Conversant DisruptorBlockingQueue", "<DisruptorBlockingQueue/>", "DisruptorBlockingQueue");
        return contenders;
    }

    private void add(Map<String, Contender.Factory> contenders, String name, String element, String queue) {
        String file = isWritten ? "<AppenderRef ref=\"file\"/>" : "";
        contenders.put(name, threads -> new Log(threads, CONFIGURATION.formatted(CAPACITY, file, element), queue));
    }

    private static final class Log implements Contender {
        private final LongAdder logged = new LongAdder();
        private final LoggerContext context = new LoggerContext("benchmark");
        private final CountingNoOpAppender counting;
        private final Times times;

        Log(int threads, String configuration, String queue) throws IOException, ReflectiveOperationException {
            var source = new ConfigurationSource(
                    new ByteArrayInputStream(configuration.getBytes(StandardCharsets.UTF_8)));
            context.start(new XmlConfiguration(context, source));
            counting = context.getConfiguration().getAppender("count");
            // Log4j takes its own queue when it knows no element of the name.
            Field taken = AsyncAppender.class.getDeclaredField("queue");
            taken.setAccessible(true);
            Object present = taken.get(context.getConfiguration().getAppender("async"));
            if (!present.getClass().getSimpleName().equals(queue)) {
                throw new IllegalStateException("Log4j took " + present.getClass());
            }
            times = new Times(threads);
        }

        @Override
        public long work(int thread, Round round) {
            var logger = context.getLogger("org.rseq4j.benchmarks.Requests");
            Histogram histogram = times.of(thread);
            long operations = 0;
            while (round.running()) {
                long begun = System.nanoTime();
                logger.info("request {} of thread {} was answered", operations, thread);
                histogram.recordValue(System.nanoTime() - begun);
                for (int i = 1; i < BATCH; i++) {
                    logger.info("request {} of thread {} was answered", operations + i, thread);
                }
                operations += BATCH;
            }
            logged.add(operations);
            return operations;
        }

        @Override
        public Map<String, Histogram> latencies() {
            return times.taken("log call");
        }

        /** Log4j passes on what waits in the queue before it has stopped. */
        @Override
        public void close() {
            context.stop();
            if (counting.getCount() != logged.sum()) {
                throw new IllegalStateException(logged + " events were logged, " + counting.getCount() + " arrived");
            }
        }
    }
}
