// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class TrainingThreadTest {
    /** Of whoever uses the library first, which may be an application that is undeployed later. */
    @Test
    void itKeepsNothingOfTheThreadThatStartsIt() throws Exception {
        var local = new InheritableThreadLocal<String>();
        List<Object> inherited = Collections.synchronizedList(new ArrayList<>());
        try (var application = new URLClassLoader(new URL[0])) {
            Thread user = new Thread(() -> {
                local.set("the application's");
                Thread training = SectionTraining.thread(() -> {
                    inherited.add(Thread.currentThread().getContextClassLoader());
                    inherited.add(local.get());
                });
                assertNull(training.getContextClassLoader());
                assertTrue(training.isDaemon());
                training.start();
                join(training);
            });
            user.setContextClassLoader(application);
            user.start();
            user.join();
        }
        assertEquals(Arrays.asList(null, null), inherited);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
