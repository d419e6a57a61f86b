// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/** Apart from {@link org.rseq4j.internal.linux.NativeMemory}, which cannot be linked where native access is denied. */
final class WordHandle {
    static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

    private WordHandle() {
    }
}
