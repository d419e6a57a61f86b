// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.rseq4j.stress.TestThreads;

/**
 * Runs a program, its name and its arguments given, beside a thread that maps one file after the other, each of which
 * is truncated while it uses it. Ends the process with status 3 when that costs another error than the one that is
 * documented, or none.
 */
public final class BesideTruncatedFiles {
    private static final int STATUS = 3;

    private BesideTruncatedFiles() {
    }

    /** Runs it. */
    public static void main(String[] arguments) throws Exception {
        useOne();
        TestThreads.startDaemon(() -> {
            try {
                while (true) {
                    useOne();
                    Thread.sleep(20);
                }
            } catch (Throwable e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(STATUS);
            }
        });
        Class.forName(arguments[0]).getMethod("main", String[].class).invoke(null,
                (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    private static void useOne() throws Exception {
        Path file = Files.createTempFile("rseq4j", ".words");
        try {
            if (Truncated.faults(file, 2, 2) == 0) {
                throw new AssertionError("no access behind the end of a file failed");
            }
        } finally {
            Files.delete(file);
        }
    }
}
