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
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> quote(entry.getKey().toString()) + ": " + write(entry.getValue(), inner))
                    .collect(Collectors.joining("," + inner, "{" + inner, line + "}"));
        }
        if (value instanceof Collection<?> all) {
            boolean onOneLine = all.stream().allMatch(Number.class::isInstance);
            String open = onOneLine ? "[" : "[" + inner;
            return all.stream().map(one -> write(one, inner)).collect(Collectors.joining(
                    onOneLine ? ", " : "," + inner, open, onOneLine ? "]" : line + "]"));
        }
        if (value instanceof Double number) {
            return String.format(Locale.ROOT, "%.3f", number);
        }
        return value instanceof Number ? value.toString() : quote(value.toString());
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
