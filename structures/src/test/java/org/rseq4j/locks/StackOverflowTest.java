// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.stress.ChildJvm;

/** Locks at every depth of a stack that ends, in each kind of code; see {@link StackOverflows}. */
@Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class StackOverflowTest {
    private static final int ROUNDS = Integer.getInteger("rseq4j.test.overflows", 2);

    static Stream<List<String>> modes() {
        return Stream.of(List.of("-Xint"), List.of("-XX:TieredStopAtLevel=1"), List.of());
    }

    @ParameterizedTest
    @MethodSource("modes")
    void aStackThatEndsLeavesNoLockBehind(List<String> mode) throws Exception {
        ChildJvm.run("passed", Map.of(), options(mode), StackOverflows.class, String.valueOf(ROUNDS));
    }

    @ParameterizedTest
    @MethodSource("modes")
    void aReaderIsSeenInTheRowOfAThreadWhoseStackEnded(List<String> mode) throws Exception {
        ChildJvm.run("passed", Map.of(), options(mode), SlotOverflows.class);
    }

    private static List<String> options(List<String> mode) {
        List<String> options = new ArrayList<>(mode);
        String registration = System.getProperty("rseq4j.registration");
        if (registration != null) {
            options.add("-Drseq4j.registration=" + registration);
        }
        return options;
    }
}
