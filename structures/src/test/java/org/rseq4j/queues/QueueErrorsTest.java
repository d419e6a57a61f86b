// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.ChildJvm;

/** A StackOverflowError at each depth of each call: it has happened or it has not, and the next caller goes on. */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class QueueErrorsTest {
    @ParameterizedTest
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-Xmixed"})
    void queuesAreWholeAfterAFullStack(String mode) throws Exception {
        String rounds = System.getenv("RSEQ4J_VM") == null ? "4" : "1";
        ChildJvm.run("all whole", Map.of(), List.of(mode, "-XX:+UseSerialGC"), QueueErrors.class, rounds, "ours");
    }
}
