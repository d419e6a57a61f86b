// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * Aborts a test that itself calls what this version of Java lacks, and says what that is. The tests are one source,
 * compiled for Java 17 by bin/test-java; some start virtual threads or use memory segments. A call by the library is an
 * error as ever: it must do without.
 */
public final class NeedsNewerJava implements TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {
    /** For JUnit. */
    public NeedsNewerJava() {
    }

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        handle(context, thrown);
    }

    @Override
    public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        handle(context, thrown);
    }

    @Override
    public void handleAfterEachMethodExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        // Of a test that was aborted in the middle nothing is expected.
        if (!(context.getExecutionException().orElse(null) instanceof TestAbortedException)) {
            handle(context, thrown);
        }
    }

    private static void handle(ExtensionContext context, Throwable thrown) throws Throwable {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (isMissing(cause) && calledBy(context, cause)) {
                Assumptions.abort("needs a newer Java than " + Runtime.version().feature() + ": " + cause.getMessage());
            }
        }
        throw thrown;
    }

    /** Something of the JDK's. */
    private static boolean isMissing(Throwable thrown) {
        String message = String.valueOf(thrown.getMessage());
        return (thrown instanceof NoSuchMethodError || thrown instanceof NoClassDefFoundError)
                && (message.contains("java.lang.") || message.contains("java/lang/") || message.contains("java.util.")
                        || message.contains("java.time."));
    }

    /** Whether the call stands in the sources of a test, not in the library's. */
    private static boolean calledBy(ExtensionContext context, Throwable thrown) throws ReflectiveOperationException {
        String caller = thrown.getStackTrace()[0].getClassName();
        Class<?> type = Class.forName(caller, false, context.getRequiredTestClass().getClassLoader());
        return type.getProtectionDomain().getCodeSource() != null
                && type.getProtectionDomain().getCodeSource().getLocation().getPath().contains("test-classes");
    }
}
