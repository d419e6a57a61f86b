// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal;

import org.rseq4j.Rseq;

/** Prints what the library finds on this machine; what {@code java -jar} runs. */
public final class Doctor {
    private static final String USAGE = """
            usage: doctor [--json]
              --json  print the status as one JSON object
              --help  print this text""";

    private Doctor() {
    }

    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    private static int run(String[] arguments) {
        boolean json = false;
        for (String argument : arguments) {
            switch (argument) {
                case "--json" -> json = true;
                case "--help" -> {
                    System.out.println(USAGE);
                    return 0;
                }
                default -> {
                    System.err.println("doctor: unknown option: " + argument);
                    System.err.println(USAGE);
                    return 2;
                }
            }
        }
        System.out.println(json ? Rseq.status().toJson() : Rseq.status().toString());
        return 0;
    }
}
