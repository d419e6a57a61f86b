// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import java.util.regex.Pattern;
import org.openjdk.jcstress.infra.runners.TestList;

/**
 * Prints the tests whose name matches a pattern, that this Java has the classes for, and that have more actors than
 * CPUs, or not; for bin/jcstress.
 */
final class Selection {
    private Selection() {
    }

    public static void main(String[] arguments) {
        Pattern pattern = Pattern.compile(arguments[0]);
        int cpus = Integer.parseInt(arguments[1]);
        boolean more = arguments[2].equals("more");
        boolean hasSegments = Runtime.version().feature() >= 22;
        TestList.tests().stream().filter(name -> pattern.matcher(name).find())
                .filter(name -> hasSegments || !name.contains("SegmentsStress"))
                .filter(name -> TestList.getInfo(name).threads() > cpus == more).sorted()
                .forEach(System.out::println);
    }
}
