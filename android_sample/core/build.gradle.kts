import org.jetbrains.kotlin.gradle.dsl.JvmTarget

// Plain Kotlin: no Android, nothing but the standard library, so that it compiles and is tested on any machine.
plugins {
    alias(libs.plugins.kotlin.jvm)
    application
}

kotlin {
    compilerOptions {
        allWarningsAsErrors = true
        extraWarnings = true
        jvmTarget = JvmTarget.JVM_17
    }
}

java {
    sourceCompatibility = JavaVersion.VERSION_17
    targetCompatibility = JavaVersion.VERSION_17
}

application {
    mainClass = "pocketmask.core.MainKt"
}

dependencies {
    testImplementation(libs.junit)
}

tasks.test {
    useJUnit()
}
