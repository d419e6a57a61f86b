// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.queues.SliceBlockingQueue;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.scheduling.annotation.Async;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;

/** A Spring Boot application that has the library on its class path and says nothing of it, started and scraped. */
class SpringBootTest {
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    @SpringBootApplication
    static class Application {
    }

    @Test
    void theInfoEndpointSaysWhatWasFound() throws Exception {
        try (ConfigurableApplicationContext application = start()) {
            String info = get(application, "info");
            assertTrue(info.contains("\"rseq4j\":{"), info);
            assertTrue(info.contains("\"registration\":\"" + Rseq.status().registration() + '"'), info);
        }
    }

    @Test
    void thePrometheusEndpointHasTheLibrarysMeters() throws Exception {
        try (ConfigurableApplicationContext application = start()) {
            String metrics = get(application, "prometheus");
            assertTrue(metrics.contains("rseq4j_status{registration=\"" + Rseq.status().registration() + '"'), metrics);
            assertTrue(metrics.contains("rseq4j_sections_interrupted_total{outcome=\"revoked\"}"), metrics);
        }
    }

    @Test
    void metersArePerCpuWhenAsked() throws Exception {
        try (ConfigurableApplicationContext application = start()) {
            assertSame(PrometheusMeterRegistry.class, application.getBean(PrometheusMeterRegistry.class).getClass());
        }
        PrometheusMeterRegistry registry;
        try (ConfigurableApplicationContext application = start("rseq4j.metrics.per-cpu=true")) {
            registry = application.getBean(PrometheusMeterRegistry.class);
            assertSame(PerCpuPrometheusMeterRegistry.class, registry.getClass());
            registry.counter("orders", "kind", "new").increment(3);
            get(application, "info");
            String metrics = get(application, "prometheus");
            assertTrue(metrics.contains("orders_total{kind=\"new\"} 3.0"), metrics);
            assertTrue(metrics.contains("http_server_requests_seconds_count{"), metrics);
            assertTrue(metrics.contains("http_server_requests_seconds_max{"), metrics);
            assertTrue(metrics.contains("jvm_memory_used_bytes{"), metrics);
        }
        assertTrue(registry.isClosed());
    }

    @Test
    void whatIsSwitchedOffIsNotThere() throws Exception {
        try (ConfigurableApplicationContext application = start("rseq4j.info.enabled=false",
                "rseq4j.metrics.enabled=false")) {
            assertFalse(get(application, "info").contains("rseq4j"));
            assertFalse(get(application, "prometheus").contains("rseq4j"));
        }
    }

    @Test
    void theTaskExecutorTakesTheQueueWhenAsked() throws Exception {
        try (ConfigurableApplicationContext application = start()) {
            assertInstanceOf(LinkedBlockingQueue.class, queue(application));
        }
        try (ConfigurableApplicationContext application = start("rseq4j.executor.enabled=true")) {
            assertInstanceOf(SliceBlockingQueue.class, queue(application));
            assertEquals(Integer.MAX_VALUE, queue(application).remainingCapacity());
        }
        ThreadPoolTaskExecutor executor;
        try (ConfigurableApplicationContext application = start("rseq4j.executor.enabled=true",
                "spring.task.execution.pool.queue-capacity=100")) {
            assertInstanceOf(SliceBlockingQueue.class, queue(application));
            assertEquals(100, queue(application).remainingCapacity());
            executor = application.getBean(ThreadPoolTaskExecutor.class);
            assertEquals("ran", executor.submit(() -> "ran").get());
        }
        assertTrue(executor.getThreadPoolExecutor().isShutdown());
        try (ConfigurableApplicationContext application = start("rseq4j.executor.enabled=true",
                "spring.threads.virtual.enabled=true")) {
            assertEquals(0, application.getBeansOfType(ThreadPoolTaskExecutor.class).size(),
                    "virtual threads need none");
        }
    }

    /** Spring Boot makes a scheduler here, which is an executor, too: Spring would not know which of both to take. */
    @EnableAsync
    @EnableScheduling
    static class WithAsynchronousMethods {
        @Bean
        Asynchronous asynchronous() {
            return new Asynchronous();
        }
    }

    static class Asynchronous {
        @Async
        public CompletableFuture<String> thread() {
            return CompletableFuture.completedFuture(Thread.currentThread().getName());
        }
    }

    @Test
    void asynchronousMethodsRunWhereTheyDid() throws Exception {
        for (boolean enabled : List.of(false, true)) {
            try (ConfigurableApplicationContext application = start(WithAsynchronousMethods.class,
                    "rseq4j.executor.enabled=" + enabled, "spring.task.execution.thread-name-prefix=async-")) {
                String thread = application.getBean(Asynchronous.class).thread().get();
                assertTrue(thread.startsWith("async-"), thread);
                assertEquals(enabled, queue(application) instanceof SliceBlockingQueue);
            }
        }
    }

    static class WithAnotherExecutor {
        @Bean
        Executor another() {
            return Runnable::run;
        }
    }

    @Test
    void theTaskExecutorIsThereWhenSpringBootMakesIt() {
        try (ConfigurableApplicationContext application = start(WithAnotherExecutor.class,
                "rseq4j.executor.enabled=true")) {
            assertFalse(application.containsBean("applicationTaskExecutor"));
        }
        try (ConfigurableApplicationContext application = start(WithAnotherExecutor.class,
                "rseq4j.executor.enabled=true", "spring.task.execution.mode=force")) {
            assertInstanceOf(SliceBlockingQueue.class, queue(application));
        }
    }

    static class WithAnExecutorOfThatName {
        @Bean
        ThreadPoolTaskExecutor applicationTaskExecutor() {
            return new ThreadPoolTaskExecutor();
        }
    }

    @Test
    void anExecutorOfTheApplicationStaysAsItIs() {
        try (ConfigurableApplicationContext application = start(WithAnExecutorOfThatName.class,
                "rseq4j.executor.enabled=true")) {
            assertInstanceOf(LinkedBlockingQueue.class, queue(application));
        }
    }

    private static BlockingQueue<Runnable> queue(ConfigurableApplicationContext application) {
        return application.getBean("applicationTaskExecutor", ThreadPoolTaskExecutor.class).getThreadPoolExecutor()
                .getQueue();
    }

    private static ConfigurableApplicationContext start(String... properties) {
        return start(null, properties);
    }

    private static ConfigurableApplicationContext start(Class<?> further, String... properties) {
        List<String> arguments = new ArrayList<>(List.of("--server.port=0", "--server.address=localhost",
                "--spring.main.banner-mode=off", "--logging.level.root=warn",
                "--management.endpoints.web.exposure.include=info,prometheus",
                "--management.influx.metrics.export.enabled=false", "--management.otlp.metrics.export.enabled=false"));
        for (String property : properties) {
            arguments.add("--" + property);
        }
        Class<?>[] sources = further == null
                ? new Class<?>[]{Application.class}
                : new Class<?>[]{Application.class, further};
        return SpringApplication.run(sources, arguments.toArray(new String[0]));
    }

    private static String get(ConfigurableApplicationContext application, String endpoint) throws Exception {
        int port = ((ServletWebServerApplicationContext) application).getWebServer().getPort();
        HttpResponse<String> answer = CLIENT.send(
                HttpRequest.newBuilder(URI.create("http://localhost:" + port + "/actuator/" + endpoint)).build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(200, answer.statusCode(), answer::body);
        return answer.body();
    }
}
