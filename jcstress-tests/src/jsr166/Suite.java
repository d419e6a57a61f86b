// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.TreeSet;
import junit.framework.AssertionFailedError;
import junit.framework.Test;
import junit.framework.TestCase;
import junit.framework.TestListener;
import junit.framework.TestResult;

/** Runs the suite of one of JSR-166's test classes, and says which tests failed that are not excluded by name. */
public final class Suite {
    private Suite() {
    }

    /** What bounded queues have no constructor for. */
    public static <E, Q extends Queue<E>> Q filled(Q queue, Collection<? extends E> elements) {
        queue.addAll(elements);
        return queue;
    }

    /** The test class, how often it runs, then the names of the tests that are excluded. */
    public static void main(String[] arguments) throws Exception {
        List<String> excluded = List.of(arguments).subList(2, arguments.length);
        var failed = new TreeSet<String>();
        var unexpected = new ArrayList<String>();
        int tests = 0;
        for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
            var result = new TestResult();
            result.addListener(new TestListener() {
                @Override
                public void addError(Test test, Throwable e) {
                    String name = ((TestCase) test).getName();
                    if (excluded.contains(name.replaceFirst("_fair$", ""))) {
                        failed.add(name);
                    } else {
                        unexpected.add(name);
                        e.printStackTrace(System.out);
                    }
                }

                @Override
                public void addFailure(Test test, AssertionFailedError e) {
                    addError(test, e);
                }

                @Override
                public void startTest(Test test) {
                }

                @Override
                public void endTest(Test test) {
                }
            });
            ((Test) Class.forName(arguments[0]).getMethod("suite").invoke(null)).run(result);
            tests = result.runCount();
        }
        System.out.println("result: " + tests + " tests, " + (tests - failed.size() - unexpected.size()) + " pass"
                + (failed.isEmpty() ? "" : ", excluded and failed " + failed)
                + (unexpected.isEmpty() ? "" : ", FAILED " + unexpected));
        System.exit(unexpected.isEmpty() && tests > 0 ? 0 : 1);
    }
}
