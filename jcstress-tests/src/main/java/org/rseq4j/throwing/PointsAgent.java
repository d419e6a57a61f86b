// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeTransform;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import java.util.Set;

/**
 * Puts a call of {@link Points} before each call that the library's classes make, before each store to a field, and
 * where a thread has made sure of its stack.
 */
public final class PointsAgent {
    private static final ClassDesc POINTS = ClassDesc.of("org.rseq4j.throwing.Points");
    /** What makes sure of a thread's stack. */
    private static final Set<String> RESERVES = Set.of("org/rseq4j/locks/StackReserve.ensure",
            "org/rseq4j/internal/thread/Headroom.ensure", "org/rseq4j/internal/thread/FirstUse.ensureStack");
    private static final MethodTypeDesc SITE = MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int);

    private PointsAgent() {
    }

    /**
     * Called by the JVM, which was started with {@code -javaagent}.
     *
     * @param options none
     * @param instrumentation the JVM's
     */
    public static void premain(String options, Instrumentation instrumentation) {
        Points.start();
        CodeTransform points = (builder, element) -> {
            if (element instanceof InvokeInstruction call && !call.name().equalsString("<init>")) {
                point(builder, "beforeCall");
            } else if (element instanceof FieldInstruction field
                    && (field.opcode() == Opcode.PUTFIELD || field.opcode() == Opcode.PUTSTATIC)) {
                point(builder, "beforeStore");
            }
            builder.with(element);
            if (element instanceof InvokeInstruction call
                    && RESERVES.contains(call.owner().name().stringValue() + "." + call.name().stringValue())) {
                builder.invokestatic(POINTS, "reserved", ConstantDescs.MTD_void);
            }
        };
        ClassTransform transform = ClassTransform.transformingMethodBodies(
                method -> !method.methodName().equalsString("<clinit>"), points);
        ClassLoader ours = ClassLoader.getSystemClassLoader();
        instrumentation.addTransformer(new ClassFileTransformer() {
            @Override
            public byte[] transform(ClassLoader loader, String name, Class<?> redefined, ProtectionDomain domain,
                    byte[] bytes) {
                if (name == null || !ours.equals(loader) || !isOurs(name)) {
                    return null;
                }
                ClassFile file = ClassFile.of();
                return file.transformClass(file.parse(bytes), transform);
            }
        });
    }

    private static void point(CodeBuilder builder, String method) {
        builder.loadConstant(Points.newSite());
        builder.invokestatic(POINTS, method, SITE);
    }

    private static boolean isOurs(String name) {
        return name.startsWith("org/rseq4j/") && !name.startsWith("org/rseq4j/throwing/")
                && !name.startsWith("org/rseq4j/torture/") && !name.startsWith("org/rseq4j/jcstress/");
    }
}
