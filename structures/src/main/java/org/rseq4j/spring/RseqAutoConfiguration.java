// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.spring;

import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.tracer.common.SpanContext;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import org.rseq4j.Rseq;
import org.rseq4j.RseqStatus;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.queues.SliceBlockingQueue;
import org.springframework.aot.AotDetector;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanDefinition;
import org.springframework.beans.factory.config.BeanFactoryPostProcessor;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.beans.factory.support.AbstractBeanDefinition;
import org.springframework.boot.actuate.info.InfoContributor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.task.TaskExecutionAutoConfiguration;
import org.springframework.boot.task.ThreadPoolTaskExecutorBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.aot.AbstractAotProcessor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;

/**
 * What a Spring Boot 4 application gets when this library is on its class path, without a line of its own:
 * <ul>
 * <li>with Micrometer, the meters of {@link RseqMeters};
 * <li>with the actuator, what the library found on this machine ({@link Rseq#status()}) in the {@code info} endpoint;
 * <li>with {@code rseq4j.metrics.per-cpu=true}, a {@link PerCpuPrometheusMeterRegistry} in place of Micrometer's
 * registry for Prometheus, unless there are exemplars of traces, which it has not;
 * <li>with {@code rseq4j.executor.enabled=true}, a {@link SliceBlockingQueue} in the executor that Spring Boot makes
 * for asynchronous methods and requests ({@code applicationTaskExecutor}), unless that uses virtual threads. When
 * Spring Boot makes one, who uses it, and what the {@code spring.task.execution} properties mean is as before; one that
 * the application makes stays as it is, and so does all where Spring's ahead-of-time processing is used.
 * </ul>
 *
 * <p>
 * {@code rseq4j.info.enabled=false} and {@code rseq4j.metrics.enabled=false} leave the first two out. Spring Boot is an
 * optional dependency: nothing outside of this package refers to it.
 *
 * @since 0.1.0
 */
@AutoConfiguration
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

    /**
     * Has Spring Boot's executor made with another queue. A bean of our own would keep it from making what goes with
     * its executor, and one that a post-processor puts in its place is not shut down with the context.
     */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(ThreadPoolTaskExecutor.class)
    @ConditionalOnBooleanProperty(name = "rseq4j.executor.enabled")
    static class TaskExecution {
        @Bean
        static BeanFactoryPostProcessor rseqTaskExecutor() {
            return beans -> {
                String name = TaskExecutionAutoConfiguration.APPLICATION_TASK_EXECUTOR_BEAN_NAME;
                if (!isAheadOfTime() && beans.containsBeanDefinition(name)
                        && beans.getType(name, false) == ThreadPoolTaskExecutor.class
                        && beans.getBeanDefinition(name) instanceof AbstractBeanDefinition definition
                        && isSpringBoots(definition)) {
                    definition.setInstanceSupplier(
                            () -> beans.getBean(ThreadPoolTaskExecutorBuilder.class).build(SliceTaskExecutor.class));
                }
            };
        }

        private static boolean isSpringBoots(BeanDefinition definition) {
            String maker = definition.getFactoryBeanName();
            return maker != null && maker.startsWith(TaskExecutionAutoConfiguration.class.getPackageName() + '.');
        }

        /** Where no code can be generated for what is said here, and where it was. */
        private static boolean isAheadOfTime() {
            return Boolean.getBoolean(AbstractAotProcessor.AOT_PROCESSING) || AotDetector.useGeneratedArtifacts();
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
