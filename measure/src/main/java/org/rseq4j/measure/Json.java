// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.Collection;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes a tree of maps, collections, numbers and strings. Not worth a library in a jar that is to be small. */
final class Json {
    private Json() {
    }

    static String write(Object tree) {
        return write(tree, "\n") + "\n";
    }

    private static String write(Object value, String line) {
        String inner = line + "  ";
        return switch (value) {
            case Map<?, ?> map -> map.entrySet().stream()
                    .map(entry -> quote(entry.getKey().toString()) + ": " + write(entry.getValue(), inner))
                    .collect(Collectors.joining("," + inner, "{" + inner, line + "}"));
            case Collection<?> all when all.stream().allMatch(Number.class::isInstance) -> all.stream()
                    .map(one -> write(one, inner)).collect(Collectors.joining(", ", "[", "]"));
            case Collection<?> all -> all.stream().map(one -> write(one, inner))
                    .collect(Collectors.joining("," + inner, "[" + inner, line + "]"));
            case Double number -> String.format(Locale.ROOT, "%.3f", number);
            case Number number -> number.toString();
            default -> quote(value.toString());
        };
    }

    private static String quote(String text) {
        var quoted = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append((char) c);
            } else if (c < ' ') {
                quoted.append(String.format("\\u%04x", c));
            } else {
                quoted.append((char) c);
            }
        });
        return quoted.append('"').toString();
    }
}
