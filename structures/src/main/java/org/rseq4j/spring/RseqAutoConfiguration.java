// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.spring;

import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.tracer.common.SpanContext;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Executor;
import org.rseq4j.Rseq;
import org.rseq4j.RseqStatus;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.queues.SliceBlockingQueue;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.actuate.info.InfoContributor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnThreading;
import org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration;
import org.springframework.boot.thread.Threading;
import org.springframework.boot.task.ThreadPoolTaskExecutorBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;

/**
 * What a Spring Boot 4 application gets when this library is on its class path, without a line of its own:
 * <ul>
 * <li>with Micrometer, the meters of {@link RseqMeters};
 * <li>with the actuator, what the library found on this machine ({@link Rseq#status()}) in the {@code info} endpoint;
 * <li>with {@code rseq4j.metrics.per-cpu=true}, a {@link PerCpuPrometheusMeterRegistry} in place of Micrometer's
 * registry for Prometheus, unless there are exemplars of traces, which it has not;
 * <li>with {@code rseq4j.executor.enabled=true}, a {@link SliceBlockingQueue} in the executor that Spring Boot makes
 * for asynchronous methods and requests ({@code applicationTaskExecutor}), unless that uses virtual threads or the
 * application has one of its own. All {@code spring.task.execution} properties mean what they did.
 * </ul>
 *
 * <p>
 * {@code rseq4j.info.enabled=false} and {@code rseq4j.metrics.enabled=false} leave the first two out. Spring Boot is an
 * optional dependency: nothing outside of this package refers to it.
 *
 * @since 0.1.0
 */
@AutoConfiguration(before = TaskExecutionAutoConfiguration.class)
public class RseqAutoConfiguration {
    /** Made by Spring. */
    public RseqAutoConfiguration() {
        // nothing to set
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(MeterBinder.class)
    @ConditionalOnBooleanProperty(name = "rseq4j.metrics.enabled", matchIfMissing = true)
    static class Metrics {
        @Bean
        @ConditionalOnMissingBean
        RseqMeters rseqMeters() {
            return new RseqMeters();
        }
    }

    /** Puts the per-CPU registry in the place of Spring Boot's for Prometheus, before anything is registered there. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(PrometheusMeterRegistry.class)
    @ConditionalOnBooleanProperty(name = "rseq4j.metrics.per-cpu")
    static class PerCpuMeters {
        @Bean
        static BeanPostProcessor rseqPrometheusMeterRegistry(ObjectProvider<PrometheusConfig> config,
                ObjectProvider<SpanContext> traces) {
            return new BeanPostProcessor() {
                @Override
                public Object postProcessBeforeInitialization(Object bean, String name) {
                    if (bean.getClass() != PrometheusMeterRegistry.class || traces.getIfAvailable() != null) {
                        return bean;
                    }
                    var replaced = (PrometheusMeterRegistry) bean;
                    return new PerCpuPrometheusMeterRegistry(config.getObject(), replaced.getPrometheusRegistry(),
                            replaced.config().clock()).throwExceptionOnRegistrationFailure();
                }
            };
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(InfoContributor.class)
    @ConditionalOnBooleanProperty(name = "rseq4j.info.enabled", matchIfMissing = true)
    static class Info {
        @Bean
        @ConditionalOnMissingBean(name = "rseqInfoContributor")
        InfoContributor rseqInfoContributor() {
            return info -> info.withDetail("rseq4j", details(Rseq.status()));
        }

        private static Map<String, Object> details(RseqStatus status) {
            Map<String, Object> details = new LinkedHashMap<>();
            details.put("kernel", status.kernel());
            details.put("registration", status.registration());
            details.put("registrationReason", status.registrationReason());
            details.put("mode", status.mode());
            details.put("sliceExtension", status.sliceExtension());
            details.put("cpuCount", status.cpuCount());
            details.put("advice", status.advice());
            return details;
        }
    }

    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ThreadPoolTaskExecutor.class)
    @ConditionalOnBooleanProperty(name = "rseq4j.executor.enabled")
    @ConditionalOnThreading(Threading.PLATFORM)
    static class TaskExecution {
        /** By the name that Spring looks for, so that it makes none of its own. */
        @Lazy
        @Bean(name = TaskExecutionAutoConfiguration.APPLICATION_TASK_EXECUTOR_BEAN_NAME)
        @ConditionalOnMissingBean(Executor.class)
        SliceTaskExecutor applicationTaskExecutor(ThreadPoolTaskExecutorBuilder builder) {
            return builder.build(SliceTaskExecutor.class);
        }
    }

    /** Spring's executor of a thread pool with another queue. */
    static class SliceTaskExecutor extends ThreadPoolTaskExecutor {
        private static final long serialVersionUID = 1;
        /** What Spring's default of Integer.MAX_VALUE means. */
        private static final int LARGEST = 1 << 30;

        SliceTaskExecutor() {
            // called by the builder
        }

        @Override
        protected BlockingQueue<Runnable> createQueue(int capacity) {
            if (capacity <= 0) {
                return super.createQueue(capacity); // tasks are handed over, there is no queue
            }
            return capacity > LARGEST ? new SliceBlockingQueue<>() : new SliceBlockingQueue<>(capacity);
        }
    }
}
