// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.rseq4j.torture.Torture;
import picocli.CommandLine;

/** Command lines: parsed, or refused with a message. (bin/test-commands.sh has those of the commands in shell.) */
final class OptionsFuzz {
    private static final String[] WORDS = {"--seconds", "--seed", "--threads", "--json", "--machine", "--help", "=",
            "1", "-1", "9223372036854775808", "", " ", "--", "@", "soon", "--seconds=", "--seed=1"};

    private OptionsFuzz() {
    }

    static void run(Input input) {
        List<String> words = new ArrayList<>();
        while (!input.isEmpty() && words.size() < 12) {
            int which = input.below(WORDS.length + 4);
            if (which < WORDS.length) {
                words.add(WORDS[which]);
            } else {
                byte[] some = new byte[input.below(8)];
                for (int i = 0; i < some.length; i++) {
                    some[i] = (byte) input.unsignedByte();
                }
                words.add(new String(some, StandardCharsets.ISO_8859_1));
            }
        }
        try {
            new CommandLine(new Torture()).setExpandAtFiles(false).parseArgs(words.toArray(String[]::new));
        } catch (CommandLine.ParameterException refused) {
            if (refused.getMessage() == null || refused.getMessage().isBlank()) {
                throw new AssertionError("refused without a message: " + words, refused);
            }
        }
    }
}
