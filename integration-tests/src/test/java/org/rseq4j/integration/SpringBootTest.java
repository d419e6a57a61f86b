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
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.queues.SliceBlockingQueue;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;
import org.springframework.context.ConfigurableApplicationContext;
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
        try (ConfigurableApplicationContext application = start("rseq4j.metrics.per-cpu=true")) {
            var registry = application.getBean(PrometheusMeterRegistry.class);
            assertSame(PerCpuPrometheusMeterRegistry.class, registry.getClass());
            registry.counter("orders", "kind", "new").increment(3);
            get(application, "info");
            String metrics = get(application, "prometheus");
            assertTrue(metrics.contains("orders_total{kind=\"new\"} 3.0"), metrics);
            assertTrue(metrics.contains("http_server_requests_seconds_count{"), metrics);
            assertTrue(metrics.contains("http_server_requests_seconds_max{"), metrics);
            assertTrue(metrics.contains("jvm_memory_used_bytes{"), metrics);
        }
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
        try (ConfigurableApplicationContext application = start("rseq4j.executor.enabled=true",
                "spring.task.execution.pool.queue-capacity=100")) {
            assertInstanceOf(SliceBlockingQueue.class, queue(application));
            assertEquals(100, queue(application).remainingCapacity());
            assertEquals("ran", application.getBean(ThreadPoolTaskExecutor.class).submit(() -> "ran").get());
        }
        try (ConfigurableApplicationContext application = start("rseq4j.executor.enabled=true",
                "spring.threads.virtual.enabled=true")) {
            assertEquals(0, application.getBeansOfType(ThreadPoolTaskExecutor.class).size(),
                    "virtual threads need none");
        }
    }

    private static BlockingQueue<Runnable> queue(ConfigurableApplicationContext application) {
        return application.getBean("applicationTaskExecutor", ThreadPoolTaskExecutor.class).getThreadPoolExecutor()
                .getQueue();
    }

    private static ConfigurableApplicationContext start(String... properties) {
        List<String> arguments = new ArrayList<>(List.of("--server.port=0", "--server.address=localhost",
                "--spring.main.banner-mode=off", "--logging.level.root=warn",
                "--management.endpoints.web.exposure.include=info,prometheus"));
        for (String property : properties) {
            arguments.add("--" + property);
        }
        return SpringApplication.run(Application.class, arguments.toArray(new String[0]));
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
